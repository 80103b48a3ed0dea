import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.openstack.storlet.common.StorletInputStream;
import org.openstack.storlet.common.StorletLogger;
import org.openstack.storlet.common.StorletObjectOutputStream;
import org.openstack.storlet.csv.CSVStorlet;

/** Calls upstream's CSVStorlet as its daemon does, with an object on standard input; arguments: NAME=VALUE. */
public final class Upstream {
    private Upstream() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> parameters = new HashMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            parameters.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
        System.setOut(System.err); // it prints what it does; the daemon's standard output is no answer either
        try (FileOutputStream metadata = new FileOutputStream("/dev/null"); FileOutputStream log = new FileOutputStream("/dev/null")) {
            var object = new StorletInputStream(FileDescriptor.in, new HashMap<>());
            var answer = new StorletObjectOutputStream(FileDescriptor.out, new HashMap<>(), metadata.getFD());
            new CSVStorlet().invoke(new ArrayList<>(List.of(object)), new ArrayList<>(List.of(answer)), parameters,
                    new StorletLogger(log.getFD()));
        }
    }
}
