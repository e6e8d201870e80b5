// Asks the gateway with genqlient's generated code and with hasura's client, and prints one line for each.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/gorilla/websocket"
	hasura "github.com/hasura/go-graphql-client"
)

type bearer struct{ token string }

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	request.Header.Set("authorization", b.token)
	return http.DefaultTransport.RoundTrip(request)
}

type dialer struct{ *websocket.Dialer }

func (d dialer) DialContext(ctx context.Context, url string, header http.Header) (graphql.WSConn, error) {
	conn, _, err := d.Dialer.DialContext(ctx, url, header)
	return graphql.WSConn(conn), err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	url, token := os.Args[1]+"/graphql", "Bearer "+os.Args[2]
	socket := strings.Replace(url, "http", "ws", 1)
	header := http.Header{"Authorization": {token}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	client := graphql.NewClient(url, &http.Client{Transport: bearer{token}})
	viewer, err := WhoAmI(ctx, client)
	check(err)
	fmt.Println("genqlient query", viewer.Viewer.Role)
	listed, err := Since(ctx, client, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC))
	check(err)
	fmt.Println("genqlient time", len(listed.Deliveries.Nodes))

	refused := graphql.NewClient(url, &http.Client{Transport: bearer{"Bearer sivo_unknown"}})
	_, err = WhoAmI(ctx, refused)
	var status *graphql.HTTPError
	fmt.Println("genqlient 401", errors.As(err, &status) && status.StatusCode == 401 && status.Response.Errors[0].Extensions["code"] == "UNAUTHENTICATED")

	watching := graphql.NewClientUsingWebSocket(socket, dialer{websocket.DefaultDialer}, graphql.WithWebsocketHeader(header))
	failures, err := watching.Start(ctx)
	check(err)
	batches, id, err := Watch(ctx, watching)
	check(err)
	select {
	case batch := <-batches:
		fmt.Println("genqlient subscription", batch.Data.DeliveryUpdates.ResyncRequired, len(batch.Errors))
	case err := <-failures:
		log.Fatal(err)
	}
	check(watching.Unsubscribe(id))
	// It would unsubscribe once more, after it has sent its close.
	_ = watching.Close()

	subscriptions := hasura.NewSubscriptionClient(socket).
		WithProtocol(hasura.GraphQLWS).
		WithSyncMode(true).
		WithWebSocketOptions(hasura.WebsocketOptions{HTTPHeader: header})
	var update struct {
		DeliveryUpdates struct{ ResyncRequired bool }
	}
	_, err = subscriptions.Subscribe(&update, nil, func(message []byte, err error) error {
		fmt.Println("hasura subscription", string(message), err)
		return hasura.ErrSubscriptionStopped
	})
	check(err)
	if err := subscriptions.Run(); err != nil && !errors.Is(err, hasura.ErrSubscriptionStopped) {
		log.Fatal(err)
	}
}
