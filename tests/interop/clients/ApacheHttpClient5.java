import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.io.entity.EntityUtils;

/** Asks for each path that comes by a line, with Apache HttpClient 5, and writes the body by a line. */
class ApacheHttpClient5 {
    public static void main(String[] given) throws Exception {
        try (CloseableHttpClient client = HttpClients.createDefault()) {
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
            for (String path = lines.readLine(); path != null; path = lines.readLine()) {
                HttpGet request = new HttpGet(given[0] + path);
                String body = client.execute(request, response -> EntityUtils.toString(response.getEntity()));
                System.out.println(body);
            }
        }
    }
}
