// Asks the gateway with java.net.http.HttpClient as it comes: over http it offers h2c with every request.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Probe {
  public static void main(String[] args) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(args[0] + "/graphql"))
            .header("authorization", "Bearer " + args[1])
            .header("content-type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString("{\"query\":\"{ viewer { role } }\"}"))
            .build();
    HttpClient client = HttpClient.newHttpClient();
    for (int asked = 0; asked < 3; asked++) {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      System.out.println(response.statusCode() + " " + response.version() + " " + response.body());
    }
  }
}
