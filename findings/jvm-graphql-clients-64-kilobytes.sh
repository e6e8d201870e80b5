#!/usr/bin/env bash
# Spring for GraphQL and SmallRye GraphQL: a subscription ends at the first large message, and Spring does not say why.
#
# GraphQL over websockets sends each result in one message, and a result may be large: what changed while a client was away, or a
# list. With what these clients use by default they refuse a message above 64 KiB, or 8 KiB on Tomcat's websocket client, and
# the subscription fails. A client that connects again and asks for the same gets the same message, and never comes past it.
# Spring's WebSocketGraphQlClient on Reactor Netty, its usual client, says "disconnected without a status"; the server sees 1006.
# On Tomcat both sides see 1009 with words, SmallRye names the limit. Expected: the limit of the client, in each error.
# What helps: new ReactorNettyWebSocketClient(HttpClient.create(), () -> WebsocketClientSpec.builder().maxFramePayloadLength(…)).
#
# Needs java 17, mvn, node and npm. Prints what came for 8,000, 60,000 and 70,000 characters; fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error graphql-ws@6.4.2 graphql@16.12.0 ws@8.18.3 >/dev/null
cat >server.mjs <<'JS'
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'

const schema = buildSchema('type Query { n: Int } type Subscription { text(length: Int!): String }')
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/graphql' })
const text = async function* ({ length }) {
  for (const piece of ['first', 'x'.repeat(length), 'last']) yield { text: piece }
}
useServer({ schema, roots: { subscription: { text } } }, server)
server.on('listening', () => console.log(server.address().port))
JS
mkdir -p src/main/java
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>3.5.7</version>
    <relativePath/>
  </parent>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>1</version>
  <properties><java.version>17</java.version></properties>
  <dependencies>
    <dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-graphql</artifactId></dependency>
    <dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-webflux</artifactId></dependency>
    <dependency><groupId>org.apache.tomcat.embed</groupId><artifactId>tomcat-embed-websocket</artifactId></dependency>
    <dependency>
      <groupId>io.smallrye</groupId>
      <artifactId>smallrye-graphql-client-implementation-vertx</artifactId>
      <version>2.17.0</version>
    </dependency>
    <dependency><groupId>org.eclipse.parsson</groupId><artifactId>parsson</artifactId><version>1.1.7</version></dependency>
  </dependencies>
</project>
XML
cat >src/main/java/Finding.java <<'JAVA'
import io.smallrye.graphql.client.vertx.dynamic.VertxDynamicGraphQLClientBuilder;
import java.time.Duration;
import java.util.function.Supplier;
import org.springframework.graphql.client.WebSocketGraphQlClient;
import org.springframework.web.reactive.socket.client.ReactorNettyWebSocketClient;
import org.springframework.web.reactive.socket.client.StandardWebSocketClient;
import org.springframework.web.reactive.socket.client.WebSocketClient;
import reactor.core.Exceptions;
import reactor.netty.http.client.HttpClient;
import reactor.netty.http.client.WebsocketClientSpec;

public class Finding {
  public static void main(String[] args) {
    String url = "ws://127.0.0.1:" + args[0] + "/graphql";
    Supplier<WebsocketClientSpec.Builder> large =
        () -> WebsocketClientSpec.builder().maxFramePayloadLength(16 * 1024 * 1024);
    for (int length : new int[] {8_000, 60_000, 70_000}) {
      String document = "subscription { text(length: " + length + ") }";
      tell("Spring, Reactor Netty", length, () -> withSpring(new ReactorNettyWebSocketClient(), url, document));
      tell("Spring, Reactor Netty with maxFramePayloadLength", length, () -> withSpring(new ReactorNettyWebSocketClient(HttpClient.create(), large), url, document));
      tell("Spring, Tomcat", length, () -> withSpring(new StandardWebSocketClient(), url, document));
      tell("SmallRye", length, () -> withSmallRye(url, document));
    }
    System.exit(0);
  }

  static void tell(String client, int length, Supplier<Long> results) {
    String came;
    try {
      came = results.get() + " results";
    } catch (RuntimeException error) {
      came = Exceptions.unwrap(error).getMessage().replaceFirst("(?s).* disconnected", "disconnected").replaceFirst("(?s) and the endpoint.*", "");
    }
    System.out.println("FINDING " + client + " " + length + ": " + came);
  }

  static Long withSpring(WebSocketClient client, String url, String document) {
    WebSocketGraphQlClient socket = WebSocketGraphQlClient.builder(url, client).build();
    return socket.document(document).executeSubscription().count().block(Duration.ofSeconds(20));
  }

  static Long withSmallRye(String url, String document) {
    return (long)
        new VertxDynamicGraphQLClientBuilder().url(url).build().subscription(document).collect().asList().await().atMost(Duration.ofSeconds(20)).size();
  }
}
JAVA
node server.mjs >port 2>/dev/null &
server=$!
mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath >/dev/null
came=$(java -cp "target/classes:$(cat classpath)" Finding "$(cat port)" 2>/dev/null | grep '^FINDING' | sed 's/^FINDING //')
expected='Spring, Reactor Netty 8000: 3 results
Spring, Reactor Netty with maxFramePayloadLength 8000: 3 results
Spring, Tomcat 8000: 3 results
SmallRye 8000: 3 results
Spring, Reactor Netty 60000: 3 results
Spring, Reactor Netty with maxFramePayloadLength 60000: 3 results
Spring, Tomcat 60000: disconnected with CloseStatus[code=1009, reason=The decoded text message was too big for the output buffer
SmallRye 60000: 3 results
Spring, Reactor Netty 70000: disconnected without a status
Spring, Reactor Netty with maxFramePayloadLength 70000: 3 results
Spring, Tomcat 70000: disconnected with CloseStatus[code=1009, reason=The decoded text message was too big for the output buffer
SmallRye 70000: Max frame length of 65536 has been exceeded.'
tr ':' '\n' <classpath | sed -n 's/.*\/\(spring-graphql\|reactor-netty-http\|tomcat-embed-websocket\|smallrye-graphql-client-implementation-vertx\)-\([0-9.]*\)\.jar/\1 \2/p'
echo "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
