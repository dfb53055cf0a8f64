// The handler is told nothing; it learns from a write that fails.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

class Handler {
    static final int WORK_MS = number("WORK_MS");
    static final int GAP_MS = 50;

    public static void main(String[] arguments) throws IOException {
        var address = new InetSocketAddress("127.0.0.1", number("PORT"));
        HttpServer server = HttpServer.create(address, 0);
        server.createContext("/write", Handler::write);
        server.start();
    }

    static void write(HttpExchange exchange) throws IOException {
        try (var witness = new DatagramSocket()) {
            witness.connect(InetAddress.getLoopbackAddress(), number("WITNESS"));
            tell(witness, "begin");
            // The word to go on comes once the fetch has been cancelled.
            witness.receive(new DatagramPacket(new byte[100], 100));
            tell(witness, writePieces(exchange));
        }
    }

    /** The head is the first write. */
    static String writePieces(HttpExchange exchange) {
        int write = 1;
        try {
            exchange.sendResponseHeaders(200, 0);
            OutputStream body = exchange.getResponseBody();
            for (write = 2; write * GAP_MS < WORK_MS; write++) {
                Thread.sleep(GAP_MS);
                body.write("piece\n".getBytes(StandardCharsets.UTF_8));
                body.flush();
            }
            return "end";
        } catch (IOException e) {
            return "gone " + write;
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts it", e);
        }
    }

    static void tell(DatagramSocket witness, String what) throws IOException {
        byte[] bytes = what.getBytes(StandardCharsets.UTF_8);
        witness.send(new DatagramPacket(bytes, bytes.length));
    }

    static int number(String name) {
        return Integer.parseInt(System.getenv(name));
    }
}
