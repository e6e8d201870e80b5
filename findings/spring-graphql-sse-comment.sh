#!/bin/sh
# HttpGraphQlClient of Spring for GraphQL 1.4.3 takes a comment in a stream of server-sent events for the end of the
# subscription, and completes without an error. Servers send comments to keep connections open (GraphQL Yoga and graphql-sse
# open each stream with one).
# Expected: comments are ignored, as the specification of server-sent events has it.
#
# Needs java 17, mvn and python3. Prints how many results came without and with a comment in front; fails when that changes.
set -eu
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
mkdir -p "$folder/src/main/java"
cat > "$folder/pom.xml" <<'XML'
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
  </dependencies>
</project>
XML
cat > "$folder/src/main/java/Finding.java" <<'JAVA'
import java.time.Duration;
import org.springframework.graphql.client.HttpGraphQlClient;
import org.springframework.web.reactive.function.client.WebClient;

public class Finding {
  public static void main(String[] args) {
    for (String path : new String[] {"/plain", "/comment"}) {
      Long results =
          HttpGraphQlClient.create(WebClient.create(args[0] + path))
              .document("subscription { tick }")
              .executeSubscription()
              .count()
              .block(Duration.ofSeconds(20));
      System.out.println("FINDING " + path.substring(1) + " " + results);
    }
    System.exit(0);
  }
}
JAVA
cat > "$folder/server.py" <<'PYTHON'
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        if self.path == "/comment":
            self.wfile.write(b":\n\n")
        for tick in (1, 2):
            self.wfile.write(b'event: next\ndata: {"data":{"tick":%d}}\n\n' % tick)
        self.wfile.write(b"event: complete\ndata:\n\n")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
cd "$folder"
python3 server.py > port &
server=$!
mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath
said=$(java -cp "target/classes:$(cat classpath)" Finding "http://127.0.0.1:$(cat port)" | grep '^FINDING' | sed 's/^FINDING //')
echo "spring-graphql $(tr ':' '\n' < classpath | sed -n 's/.*spring-graphql-\([0-9.]*\)\.jar/\1/p')"
echo "$said"
[ "$said" = "plain 2
comment 0" ] || { echo 'This has changed.' >&2; exit 1; }
