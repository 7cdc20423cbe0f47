// A program that knows nothing of Coatcheck: the JDK's own HTTP client. Sends its input as a request's body and prints
// the reply's.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
            .header("authorization", "Bearer sk-test-1")
            .header("content-type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(System.in.readAllBytes()))
            .build();
        HttpResponse<byte[]> reply = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofByteArray());
        System.out.write(reply.body());
        System.out.flush();
        System.exit(reply.statusCode() == 200 ? 0 : 1);
    }
}
