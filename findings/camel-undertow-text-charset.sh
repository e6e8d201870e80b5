#!/usr/bin/env bash
# Apache Camel: the text of a JSON body is another one with camel-undertow than with camel-netty-http and camel-jetty.
#
# JSON is UTF-8 and its Content-Type has no charset. A route that asks for the body as a String (a log line, a template, the
# next HTTP call) gets the text that was sent from camel-netty-http and camel-jetty. camel-undertow decodes it as ISO-8859-1,
# the default of Undertow, though that of Java is UTF-8: "Zoë" becomes "Zoë", and the bytes of the String are others, so that a
# signature over them is wrong. Expected: the same text of each. byte[] is right with all three, and the text is right with
# `Content-Type: application/json; charset=utf-8`.
#
# Needs Java 17 and Maven. Fails when one of the three gives another text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>probe</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.camel</groupId><artifactId>camel-main</artifactId><version>4.18.0</version></dependency>
    <dependency><groupId>org.apache.camel</groupId><artifactId>camel-undertow</artifactId><version>4.18.0</version></dependency>
    <dependency><groupId>org.apache.camel</groupId><artifactId>camel-netty-http</artifactId><version>4.18.0</version></dependency>
    <dependency><groupId>org.apache.camel</groupId><artifactId>camel-jetty</artifactId><version>4.18.0</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.17</version></dependency>
  </dependencies>
</project>
XML
cat >Probe.java <<'JAVA'
import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;

public class Probe {
  static final String BODY = "{\"name\":\"Zo\u00eb\"}";

  public static void main(String[] none) throws Exception {
    var names = new String[] {"undertow", "netty-http", "jetty"};
    var urls = new ArrayList<String>();
    for (int i = 0; i < names.length; i++)
      try (var free = new ServerSocket(0)) {
        urls.add("http://127.0.0.1:" + free.getLocalPort());
      }
    var main = new Main();
    main.configure().addRoutesBuilder(new RouteBuilder() {
      public void configure() {
        for (int i = 0; i < names.length; i++) {
          from(names[i] + ":" + urls.get(i) + "/text").process(exchange -> {
            var text = exchange.getMessage().getBody(String.class);
            exchange.getMessage().setBody(text.equals(BODY) ? "as sent" : "another text of " + text.length() + " characters");
          });
          from(names[i] + ":" + urls.get(i) + "/bytes").process(exchange -> {
            var text = new String(exchange.getMessage().getBody(byte[].class), UTF_8);
            exchange.getMessage().setBody(text.equals(BODY) ? "as sent" : "other bytes");
          });
        }
      }
    });
    main.start();
    System.out.println("Camel " + main.getCamelContext().getVersion() + ", " + BODY.length() + " characters sent");
    var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    for (int i = 0; i < names.length; i++)
      for (var way : new String[] {"/text", "/bytes", "/text with charset"}) {
        var type = way.endsWith("charset") ? "application/json; charset=utf-8" : "application/json";
        var request = HttpRequest.newBuilder(URI.create(urls.get(i) + way.split(" ")[0])).header("Content-Type", type)
            .POST(HttpRequest.BodyPublishers.ofString(BODY)).build();
        System.out.println(names[i] + " " + way + ": " + client.send(request, HttpResponse.BodyHandlers.ofString()).body());
      }
    System.exit(0);
  }
}
JAVA
mvn -q -B dependency:build-classpath -Dmdep.outputFile=classpath >/dev/null
java -Dfile.encoding=UTF-8 -cp "$(cat classpath)" Probe.java 2>/dev/null | tee seen

diff seen - <<'SEEN'
Camel 4.18.0, 14 characters sent
undertow /text: another text of 15 characters
undertow /bytes: as sent
undertow /text with charset: as sent
netty-http /text: as sent
netty-http /bytes: as sent
netty-http /text with charset: as sent
jetty /text: as sent
jetty /bytes: as sent
jetty /text with charset: as sent
SEEN
echo "as described."
