#!/usr/bin/env bash
# Vert.x: a request handler that throws answers nothing, and the connection stays open.
#
# A webhook is read with request.body(), and its handler throws, by a line that is no JSON or a database that is away. Expected:
# 500, as Javalin, Micronaut, Quarkus, Helidon, Jetty and Tomcat answer, so that the sender knows at once and comes back later.
# Vert.x hands the exception to the logger. No reply comes and the connection is kept, without a limit by default
# (HttpServerOptions.idleTimeout is 0): the sender waits for as long as its own time limit, with each attempt. A Router answers 500
# for what its handlers throw themselves, and again nothing for what is thrown later, in onSuccess of a future.
# What helps: a Router with respond(), whose future may fail; or fail(error) of the RoutingContext in onFailure.
#
# Needs java 17, mvn and python3. Prints the status of each, or that none came within 3 seconds; fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p src/main/java
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency><groupId>io.vertx</groupId><artifactId>vertx-web</artifactId><version>5.0.7</version></dependency>
  </dependencies>
</project>
XML
cat >src/main/java/Server.java <<'JAVA'
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;

public class Server {
  static Future<String> store(Buffer body) {
    throw new IllegalStateException("the database is away");
  }

  static void serve(HttpServerRequest request) {
    switch (request.path()) {
      case "/throws" -> store(null);
      case "/throws-later" -> request.body().onSuccess(body -> store(body));
      default -> request.response().end();
    }
  }

  public static void main(String[] args) {
    Vertx vertx = Vertx.vertx();
    Router router = Router.router(vertx);
    router.post("/throws").handler(context -> store(null));
    router.post("/throws-later").handler(context -> context.request().body().onSuccess(body -> store(body)));
    router.post("/respond").respond(context -> context.request().body().compose(Server::store));
    vertx.createHttpServer().requestHandler(Server::serve).listen(0, "127.0.0.1")
        .flatMap(plain -> vertx.createHttpServer().requestHandler(router).listen(0, "127.0.0.1")
            .onSuccess(routed -> System.out.println(plain.actualPort() + " " + routed.actualPort())));
  }
}
JAVA
cat >probe.py <<'PYTHON'
import http.client
import sys


def post(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=3)
    try:
        connection.request("POST", path, b'{"type":"call.ended"}', {"Content-Type": "application/json"})
        return connection.getresponse().status
    except TimeoutError:
        return "no reply"
    finally:
        connection.close()


plain, routed = sys.argv[1:]
for path in ("/fine", "/throws", "/throws-later"):
    print("server", path, post(plain, path))
for path in ("/throws", "/throws-later", "/respond"):
    print("router", path, post(routed, path))
PYTHON
mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath >/dev/null
java -cp "target/classes:$(cat classpath)" Server >ports 2>log &
server=$!
for _ in $(seq 100); do [ -s ports ] && break; sleep 0.1; done
came=$(python3 probe.py $(cat ports))
expected='server /fine 200
server /throws no reply
server /throws-later no reply
router /throws 500
router /throws-later no reply
router /respond 500'
printf 'vertx-core %s\n%s\n' "$(tr ':' '\n' <classpath | sed -n 's/.*vertx-core-\([0-9.]*\)\.jar/\1/p')" "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
