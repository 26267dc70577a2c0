import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.opensearch.Version;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/**
 * A real OpenSearch node from the jars on the class path, without the rest of the distribution.
 *
 * <p>Arguments: the node's home folder, then settings as {@code key=value}. The distribution's own
 * launcher refuses to run as root and requires plug-ins unpacked in folders. This node loads its
 * modules from the class path, and is otherwise the same engine.
 *
 * <p>The module analysis-common, with the analyzers of natural languages, is left out: the Thai
 * analyzer needs locale data that a small Java runtime does not have, and without it no index can
 * be created.
 */
public final class LocalNode extends Node {
  private static final Map<String, String> MODULES =
      Map.of(
          "transport-netty4", "org.opensearch.transport.Netty4ModulePlugin",
          "lang-painless", "org.opensearch.painless.PainlessModulePlugin",
          "reindex", "org.opensearch.index.reindex.ReindexModulePlugin",
          "mapper-extras", "org.opensearch.index.mapper.MapperExtrasModulePlugin",
          "geo", "org.opensearch.geo.GeoModulePlugin",
          "ingest-common", "org.opensearch.ingest.common.IngestCommonModulePlugin");

  private LocalNode(Environment environment) {
    super(environment, modules(), false);
  }

  private static List<PluginInfo> modules() {
    List<PluginInfo> modules = new ArrayList<>();
    MODULES.forEach(
        (name, plugin) ->
            modules.add(
                new PluginInfo(
                    name, "", "", Version.CURRENT, "21", plugin, "", List.of(), false)));
    return modules;
  }

  /** Starts the node, and stops it gracefully on SIGTERM. */
  public static void main(String[] arguments) throws Exception {
    Settings.Builder settings = Settings.builder().put("path.home", arguments[0]);
    for (int i = 1; i < arguments.length; i++) {
      String[] setting = arguments[i].split("=", 2);
      settings.put(setting[0], setting[1]);
    }
    Environment environment =
        InternalSettingsPreparer.prepareEnvironment(
            settings.build(), Map.of(), Path.of(arguments[0], "config"), () -> "local");
    LogConfigurator.configureWithoutConfig(environment.settings());
    LocalNode node = new LocalNode(environment);
    CountDownLatch closed = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    node.close();
                    node.awaitClose(10, TimeUnit.SECONDS);
                  } catch (Exception problem) {
                    problem.printStackTrace();
                  } finally {
                    closed.countDown();
                  }
                }));
    node.start();
    closed.await();
  }
}
