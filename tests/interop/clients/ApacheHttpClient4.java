import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.http.client.config.CookieSpecs;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.util.EntityUtils;

/**
 * Asks for each path that comes by a line, with Apache HttpClient 4, and writes the body by a line. Its cookies are of the
 * policy that docs/clients.md names; a second argument leaves its default.
 */
class ApacheHttpClient4 {
    public static void main(String[] given) throws Exception {
        String policy = given.length > 1 ? CookieSpecs.DEFAULT : CookieSpecs.STANDARD;
        RequestConfig config = RequestConfig.custom().setCookieSpec(policy).build();
        try (CloseableHttpClient client = HttpClients.custom().setDefaultRequestConfig(config).build()) {
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
            for (String path = lines.readLine(); path != null; path = lines.readLine()) {
                HttpGet request = new HttpGet(given[0] + path);
                String body = client.execute(request, response -> EntityUtils.toString(response.getEntity()));
                System.out.println(body);
            }
        }
    }
}
