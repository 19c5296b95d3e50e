import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.CookieManager;
import java.net.Proxy;
import okhttp3.JavaNetCookieJar;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** Asks for each path that comes by a line, with OkHttp and java.net.CookieManager, and writes the body by a line. */
class OkHttp {
    public static void main(String[] given) throws Exception {
        JavaNetCookieJar jar = new JavaNetCookieJar(new CookieManager());
        OkHttpClient client = new OkHttpClient.Builder().cookieJar(jar).proxy(Proxy.NO_PROXY).build();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String path = lines.readLine(); path != null; path = lines.readLine()) {
            try (Response response = client.newCall(new Request.Builder().url(given[0] + path).build()).execute()) {
                System.out.println(response.body().string());
            }
        }
        client.dispatcher().executorService().shutdown();
        client.connectionPool().evictAll();
    }
}
