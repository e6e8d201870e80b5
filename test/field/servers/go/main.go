// Reads vectors from standard input and prints a line for each (library, holder of a secret) that judges one otherwise.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/google/go-github/v74/github"
	svix "github.com/svix/svix-webhooks/go"
)

type vector struct {
	Name           string
	Sivo, Standard []string
	Headers        map[string]string
	Body           struct {
		Text, Start, Repeat, End string
		Count                    int
	}
}

func main() {
	var given struct {
		Secrets map[string]string
		Vectors []vector
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	for _, vector := range given.Vectors {
		body := []byte(vector.Body.Text)
		if len(body) == 0 {
			body = []byte(vector.Body.Start + strings.Repeat(vector.Body.Repeat, vector.Body.Count) + vector.Body.End)
		}
		headers := http.Header{}
		for name, value := range vector.Headers {
			headers.Set(name, value)
		}
		for _, who := range []string{"current", "coming"} {
			secret := given.Secrets[who]
			bySivo := func(name string) bool {
				return github.ValidateSignature(headers.Get(name), body, []byte(secret)) == nil
			}
			webhook, err := svix.NewWebhook(secret)
			if err != nil {
				panic(err)
			}
			tell := func(library string, accepted bool, holders []string) {
				if accepted != slices.Contains(holders, who) {
					fmt.Printf("%s, %s, %t: %s\n", library, who, accepted, vector.Name)
				}
			}
			tell("go-github", bySivo("X-Sivo-Signature") || bySivo("X-Sivo-Signature-Next"), vector.Sivo)
			tell("svix", webhook.Verify(body, headers) == nil, vector.Standard)
		}
	}
}
