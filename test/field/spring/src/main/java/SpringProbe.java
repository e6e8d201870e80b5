// Asks the gateway with each client of Spring for GraphQL, and prints one line for each.

import java.net.URI;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.springframework.graphql.client.HttpGraphQlClient;
import org.springframework.graphql.client.HttpSyncGraphQlClient;
import org.springframework.graphql.client.WebSocketGraphQlClient;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.web.client.RestClient;
import org.springframework.web.reactive.function.client.WebClient;
import org.springframework.web.reactive.socket.client.ReactorNettyWebSocketClient;
import reactor.core.Exceptions;
import reactor.netty.http.client.HttpClient;
import reactor.netty.http.client.WebsocketClientSpec;

public class SpringProbe {
  static final String QUERY = "{ viewer { role } }";
  static final String WATCH = "subscription { deliveryUpdates { resyncRequired deliveries { id } } }";

  static void tell(String client, Object value) {
    System.out.println("PROBE " + client + " | " + value);
  }

  public static void main(String[] args) {
    String url = args[0] + "/graphql";
    String bearer = "Bearer " + args[1];

    HttpSyncGraphQlClient sync =
        HttpSyncGraphQlClient.builder(
                RestClient.builder().requestFactory(new JdkClientHttpRequestFactory()).build())
            .url(url)
            .header("authorization", bearer)
            .build();
    tell("JdkClientHttpRequestFactory", sync.document(QUERY).retrieveSync("viewer").toEntity(Map.class));

    HttpGraphQlClient http =
        HttpGraphQlClient.builder(WebClient.create(url)).header("authorization", bearer).build();
    tell("HttpGraphQlClient", http.document(QUERY).retrieve("viewer").toEntity(Map.class).block());

    OffsetDateTime midnight = OffsetDateTime.parse("2099-11-28T00:00Z");
    Object listed =
        http.document("query ($from: DateTime) { deliveries(filter: { from: $from }) { nodes { id } } }")
            .variable("from", midnight.toString())
            .retrieve("deliveries.nodes")
            .toEntity(List.class)
            .block();
    tell("OffsetDateTime " + midnight, listed);

    Object code =
        HttpGraphQlClient.builder(WebClient.create(url))
            .header("authorization", "Bearer sivo_unknown")
            .build()
            .document(QUERY)
            .execute()
            .map(response -> response.getErrors().get(0).getExtensions().get("code"))
            .onErrorResume(error -> reactor.core.publisher.Mono.just(error.getClass().getSimpleName() + ": " + error.getMessage()))
            .block();
    tell("401", code);

    tell(
        "server-sent events",
        http.document(WATCH)
            .retrieveSubscription("deliveryUpdates")
            .toEntity(Map.class)
            .take(2)
            .collectList()
            .block(Duration.ofSeconds(30)));

    WebSocketGraphQlClient socket =
        WebSocketGraphQlClient.builder(url.replace("http", "ws"), new ReactorNettyWebSocketClient())
            .header("authorization", bearer)
            .build();
    tell(
        "WebSocketGraphQlClient",
        socket
            .document(WATCH)
            .retrieveSubscription("deliveryUpdates")
            .toEntity(Map.class)
            .take(1)
            .collectList()
            .block(Duration.ofSeconds(30)));
    socket.stop().block();

    tell("large batches by default", lengthAfter(args[2], new ReactorNettyWebSocketClient(), url, bearer));
    Supplier<WebsocketClientSpec.Builder> large =
        () -> WebsocketClientSpec.builder().maxFramePayloadLength(16 * 1024 * 1024);
    tell(
        "large batches with the recipe",
        lengthAfter(args[2], new ReactorNettyWebSocketClient(HttpClient.create(), large), url, bearer));
    System.exit(0);
  }

  /** How many deliveries the first batch after the cursor has, in a message of more than 64 KiB; or how it failed. */
  static Object lengthAfter(String cursor, ReactorNettyWebSocketClient client, String url, String bearer) {
    String manyIds = IntStream.range(0, 30).mapToObj(n -> "id" + n + ": id").collect(Collectors.joining(" "));
    WebSocketGraphQlClient socket =
        WebSocketGraphQlClient.builder(url.replace("http", "ws"), client).header("authorization", bearer).build();
    try {
      return socket
          .document("subscription ($after: String) { deliveryUpdates(after: $after) { deliveries { " + manyIds + " } } }")
          .variable("after", cursor)
          .retrieveSubscription("deliveryUpdates.deliveries")
          .toEntity(List.class)
          .map(List::size)
          .blockFirst(Duration.ofSeconds(30));
    } catch (RuntimeException error) {
      return Exceptions.unwrap(error).getMessage().replaceFirst(".* disconnected", "disconnected");
    } finally {
      socket.stop().block();
    }
  }
}
