#!/usr/bin/env bash
# Apollo Kotlin: with automatic persisted queries on, each query fails at a server that says that it has none.
#
# A client with automatic persisted queries sends the hash of a query first. A server without a store for them answers
# PersistedQueryNotSupported, the word that Apollo's servers have for it. Apollo Client (JavaScript) then sends the query itself, and no
# hash any more. Apollo Kotlin gives up: AutoPersistedQueriesNotSupported, for this query and each later one. So what works in
# the web application of a partner fails in its Android application. Expected: the query itself, as with Apollo Client.
# What helps: leave autoPersistedQueries() out.
#
# Needs java 17, mvn, node, npm and python3. Prints what both got and how often they asked; fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
cat >server.py <<'PYTHON'
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def do_GET(self):
        self.answer(dict(parse_qsl(urlsplit(self.path).query)))

    def answer(self, asked):
        no = {"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}
        answer = {"data": {"n": 1}} if asked.get("query") else {"errors": [no]}
        with open("asked", "a") as file:
            file.write(f"{urlsplit(self.path).path} {'query' if asked.get('query') else 'hash'}\n")
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
python3 server.py >port &
server=$!
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error @apollo/client@4.3.8 graphql@16.12.0 rxjs@7.8.2 >/dev/null
cat >client.mjs <<'JS'
import { createHash } from 'node:crypto'
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'

const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const link = ApolloLink.from([new PersistedQueryLink({ sha256 }), new HttpLink({ uri: process.argv[2] })])
const client = new ApolloClient({ link, cache: new InMemoryCache() })
for (let time = 0; time < 2; time++) {
  const { data } = await client.query({ query: gql`query N { n }`, fetchPolicy: 'network-only' })
  console.log(`Apollo Client: n is ${data.n}`)
}
JS
mkdir -p src/main/kotlin
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>1</version>
  <properties><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
  <dependencies>
    <dependency><groupId>org.jetbrains.kotlin</groupId><artifactId>kotlin-stdlib</artifactId><version>2.4.21</version></dependency>
    <dependency><groupId>com.apollographql.apollo</groupId><artifactId>apollo-runtime-jvm</artifactId><version>4.3.3</version></dependency>
  </dependencies>
  <build>
    <sourceDirectory>src/main/kotlin</sourceDirectory>
    <plugins>
      <plugin>
        <groupId>org.jetbrains.kotlin</groupId>
        <artifactId>kotlin-maven-plugin</artifactId>
        <version>2.4.21</version>
        <executions><execution><goals><goal>compile</goal></goals></execution></executions>
        <configuration><jvmTarget>17</jvmTarget></configuration>
      </plugin>
    </plugins>
  </build>
</project>
XML
cat >src/main/kotlin/Finding.kt <<'KOTLIN'
import com.apollographql.apollo.ApolloClient
import com.apollographql.apollo.api.*
import com.apollographql.apollo.api.json.JsonReader
import com.apollographql.apollo.api.json.JsonWriter
import kotlinx.coroutines.runBlocking

/** query N { n }, as the compiler of Apollo Kotlin writes it, by hand. */
class N : Query<N.Data> {
  class Data(val n: Int) : Query.Data

  private object DataAdapter : Adapter<Data> {
    override fun fromJson(reader: JsonReader, customScalarAdapters: CustomScalarAdapters): Data {
      var n = 0
      while (reader.selectName(listOf("n")) == 0) n = reader.nextInt()
      return Data(n)
    }

    override fun toJson(writer: JsonWriter, customScalarAdapters: CustomScalarAdapters, value: Data) {
      writer.name("n").value(value.n)
    }
  }

  override fun document() = "query N { n }"
  override fun id() = "n"
  override fun name() = "N"
  override fun adapter(): Adapter<Data> = DataAdapter.obj(false)
  override fun rootField() = CompiledField.Builder("data", ObjectType.Builder("Query").build()).build()
  override fun serializeVariables(writer: JsonWriter, customScalarAdapters: CustomScalarAdapters, withDefaultValues: Boolean) {}
}

fun main(args: Array<String>) {
  runBlocking {
    for ((name, builder) in mapOf("" to ApolloClient.Builder(), " with autoPersistedQueries()" to ApolloClient.Builder().autoPersistedQueries())) {
      val client = builder.serverUrl(args[0] + name.replace(Regex("[^A-Za-z]"), "")).build()
      repeat(2) {
        val response = client.query(N()).execute()
        println("Apollo Kotlin$name: " + (response.data?.let { "n is ${it.n}" } ?: response.exception!!.javaClass.simpleName))
      }
    }
  }
  kotlin.system.exitProcess(0)
}
KOTLIN
mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath >mvn.log || { cat mvn.log; exit 1; }
url=http://127.0.0.1:$(cat port)
came=$(
  node client.mjs "$url/client"
  java -cp "target/classes:$(cat classpath)" FindingKt "$url/kotlin"
  sort asked | uniq -c | sed 's/^ *//'
)
expected='Apollo Client: n is 1
Apollo Client: n is 1
Apollo Kotlin: n is 1
Apollo Kotlin: n is 1
Apollo Kotlin with autoPersistedQueries(): AutoPersistedQueriesNotSupported
Apollo Kotlin with autoPersistedQueries(): AutoPersistedQueriesNotSupported
1 /client hash
2 /client query
2 /kotlin query
2 /kotlinwithautoPersistedQueries hash'
printf 'apollo-runtime %s, @apollo/client 4.3.8\n%s\n' "$(tr ':' '\n' <classpath | sed -n 's/.*apollo-runtime-jvm-\([0-9.]*\)\.jar/\1/p')" "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
