import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.CookieHandler;
import java.net.CookieManager;
import java.net.Proxy;
import java.net.URI;

/** Asks for each path that comes by a line, with HttpURLConnection and CookieManager, and writes the body by a line. */
class UrlConnection {
    public static void main(String[] given) throws Exception {
        CookieHandler.setDefault(new CookieManager());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String path = lines.readLine(); path != null; path = lines.readLine()) {
            try (InputStream body = URI.create(given[0] + path).toURL().openConnection(Proxy.NO_PROXY).getInputStream()) {
                System.out.println(new String(body.readAllBytes()));
            }
        }
    }
}
