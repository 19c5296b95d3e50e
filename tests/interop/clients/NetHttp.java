import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Asks for each path that comes by a line, with the cookies of java.net.CookieManager, and writes the body by a line. */
class NetHttp {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newBuilder().cookieHandler(new CookieManager()).build();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String path = lines.readLine(); path != null; path = lines.readLine()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(given[0] + path)).build();
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
        }
    }
}
