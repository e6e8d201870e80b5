#!/usr/bin/env bash
# Servlet containers: the same JSON body is another text in Jetty than in Tomcat and Undertow.
#
# JSON is UTF-8 (RFC 8259), and a request with content-type application/json names no charset. request.getReader() of Jetty
# reads it as UTF-8. Tomcat and Undertow read it as ISO-8859-1, the default of the Servlet specification. A receiver that takes the
# body from getReader() and checks its signature is right in one container, and refuses each body with an umlaut in the others: a
# change of the container that Spring Boot embeds is enough. Expected: one text in all of them.
# What helps everywhere: the bytes of getInputStream(), or request.setCharacterEncoding("UTF-8") before getReader().
#
# Needs java 17, mvn and python3. Prints which containers have the text; fails when that changes.
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
    <dependency><groupId>org.apache.tomcat.embed</groupId><artifactId>tomcat-embed-core</artifactId><version>10.1.34</version></dependency>
    <dependency><groupId>org.eclipse.jetty.ee10</groupId><artifactId>jetty-ee10-servlet</artifactId><version>12.1.14</version></dependency>
    <dependency><groupId>io.undertow</groupId><artifactId>undertow-servlet</artifactId><version>2.3.18.Final</version></dependency>
  </dependencies>
</project>
XML
cat >src/main/java/Server.java <<'JAVA'
import io.undertow.Undertow;
import io.undertow.servlet.Servlets;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.apache.catalina.startup.Tomcat;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.server.ServerConnector;

/** Answers with the text of the body, in UTF-8. */
public class Server extends HttpServlet {
  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    if (request.getRequestURI().equals("/set")) request.setCharacterEncoding("UTF-8");
    StringWriter text = new StringWriter();
    request.getReader().transferTo(text);
    response.getOutputStream().write(text.toString().getBytes(StandardCharsets.UTF_8));
  }

  public static void main(String[] args) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(args[0]);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    var context = tomcat.addContext("", null);
    Tomcat.addServlet(context, "server", new Server());
    context.addServletMappingDecoded("/*", "server");
    tomcat.start();

    var jetty = new org.eclipse.jetty.server.Server(new InetSocketAddress("127.0.0.1", 0));
    ServletContextHandler handler = new ServletContextHandler("/");
    handler.addServlet(new Server(), "/*");
    jetty.setHandler(handler);
    jetty.start();

    var deployment =
        Servlets.defaultContainer()
            .addDeployment(
                Servlets.deployment()
                    .setClassLoader(Server.class.getClassLoader())
                    .setContextPath("/")
                    .setDeploymentName("server")
                    .addServlets(Servlets.servlet("server", Server.class).addMapping("/*")));
    deployment.deploy();
    Undertow undertow = Undertow.builder().addHttpListener(0, "127.0.0.1").setHandler(deployment.start()).build();
    undertow.start();
    int undertowPort = ((InetSocketAddress) undertow.getListenerInfo().get(0).getAddress()).getPort();
    int jettyPort = ((ServerConnector) jetty.getConnectors()[0]).getLocalPort();
    System.out.println(tomcat.getConnector().getLocalPort() + " " + jettyPort + " " + undertowPort);
  }
}
JAVA
cat >probe.py <<'PYTHON'
import http.client
import sys

BODY = '{"caller":"Zoë Šimková"}'.encode()


def text_of(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    connection.request("POST", path, BODY, {"Content-Type": "application/json"})
    text = connection.getresponse().read()
    if text == BODY:
        return "UTF-8"
    return "ISO-8859-1" if text.decode() == BODY.decode("iso-8859-1") else text


for name, port in zip(("Tomcat", "Jetty", "Undertow"), sys.argv[1:]):
    print(f"{name}: {text_of(port, '/')}, with setCharacterEncoding {text_of(port, '/set')}")
PYTHON
mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath >/dev/null
java -cp "target/classes:$(cat classpath)" Server "$folder/tomcat" >ports 2>log &
server=$!
for _ in $(seq 200); do [ -s ports ] && break; sleep 0.1; done
came=$(python3 probe.py $(cat ports))
expected='Tomcat: ISO-8859-1, with setCharacterEncoding UTF-8
Jetty: UTF-8, with setCharacterEncoding UTF-8
Undertow: ISO-8859-1, with setCharacterEncoding UTF-8'
tr ':' '\n' <classpath | sed -n 's/.*\/\(tomcat-embed-core\|jetty-ee10-servlet\|undertow-servlet\)-\([0-9.A-Za-z]*\)\.jar/\1 \2/p'
echo "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
