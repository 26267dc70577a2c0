import static java.nio.charset.StandardCharsets.UTF_8;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import io.netty.handler.codec.mqtt.MqttConnectMessage;
import io.netty.handler.codec.mqtt.MqttMessage;
import io.netty.handler.codec.mqtt.MqttSubscribeMessage;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import javax.security.auth.Subject;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.ActiveMQIllegalStateException;
import org.apache.activemq.artemis.api.core.QueueConfiguration;
import org.apache.activemq.artemis.api.core.RoutingType;
import org.apache.activemq.artemis.core.config.Configuration;
import org.apache.activemq.artemis.core.config.WildcardConfiguration;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.protocol.mqtt.MQTTInterceptor;
import org.apache.activemq.artemis.core.security.CheckType;
import org.apache.activemq.artemis.core.security.Role;
import org.apache.activemq.artemis.core.security.SecurityAuth;
import org.apache.activemq.artemis.core.server.ActiveMQServer;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.Queue;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.server.plugin.ActiveMQServerQueuePlugin;
import org.apache.activemq.artemis.core.settings.impl.AddressFullMessagePolicy;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;
import org.apache.activemq.artemis.spi.core.protocol.RemotingConnection;
import org.apache.activemq.artemis.spi.core.security.ActiveMQSecurityManager5;
import org.apache.activemq.artemis.spi.core.security.jaas.RolePrincipal;
import org.apache.activemq.artemis.spi.core.security.jaas.UserPrincipal;

/**
 * A real MQTT broker, ActiveMQ Artemis, from the jars on the class path.
 *
 * <p>Arguments as {@code key=value}: {@code data} (the data folder), {@code port}, {@code jwks}
 * (URL of the identity provider's keys), {@code issuer}, {@code audience}, {@code phones} (URL that
 * checks a phone's credentials), {@code maxBytes} (the most bytes of messages that no bridge has
 * received; beyond it, the broker acknowledges no publish).
 */
public final class LocalBroker {
  static final String TELEMETRY = "trucks/+/telemetry";
  /** The topic to which the app OwnTracks publishes positions: its user (the truck) and device. */
  static final String OWNTRACKS = "owntracks/+/+";

  static final List<String> BRIDGE_FILTERS = List.of(TELEMETRY, OWNTRACKS);
  /** The prefix of the bridges' queues, from the group name of their shared subscriptions. */
  static final String BRIDGE_QUEUE_PREFIX = "bridges.";

  private LocalBroker() {}

  /** Starts the broker, and stops it gracefully on SIGTERM. */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (String argument : arguments) {
      String[] option = argument.split("=", 2);
      options.put(option[0], option[1]);
    }
    EmbeddedActiveMQ broker = new EmbeddedActiveMQ();
    broker.setConfiguration(configuration(options.get("data"), options.get("maxBytes")));
    broker.setSecurityManager(
        new Credentials(
            new Tokens(options.get("jwks"), options.get("issuer"), options.get("audience")),
            new Phones(options.get("phones"))));
    broker.start();
    ActiveMQServer server = broker.getActiveMQServer();
    // Create the queues before a client can publish: a message without a queue would be
    // acknowledged and lost.
    for (String filter : BRIDGE_FILTERS) {
      server.createQueue(
          QueueConfiguration.of(BRIDGE_QUEUE_PREFIX + filter)
              .setAddress(filter)
              .setRoutingType(RoutingType.MULTICAST)
              .setDurable(true)
              .setAutoDelete(false),
          true);
    }
    server.registerBrokerPlugin(new BridgeQueueKeeper());
    server.getRemotingService().addIncomingInterceptor(new AccessInterceptor());
    String where = "tcp://127.0.0.1:" + options.get("port");
    String limits =
        "receiveMaximum=100;maximumPacketSize=1100000;useEpoll=false;useKQueue=false";
    server.getRemotingService().createAcceptor("mqtt", where + "?protocols=MQTT;" + limits).start();
    System.out.println("broker_ready");
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    broker.stop();
                  } catch (Exception problem) {
                    problem.printStackTrace();
                  }
                }));
    Thread.currentThread().join();
  }

  private static Configuration configuration(String data, String maxBytes) throws Exception {
    Configuration configuration =
        new ConfigurationImpl()
            .setPersistenceEnabled(true)
            .setSecurityEnabled(true)
            .setSecurityInvalidationInterval(10_000) // ms for which an expired token still works
            .setJournalType(JournalType.NIO)
            .setJournalFileSize(1 << 20)
            .setJournalMinFiles(2)
            .setJournalPoolFiles(4)
            .setJournalSyncNonTransactional(true)
            .setJournalDirectory(data + "/journal")
            .setBindingsDirectory(data + "/bindings")
            .setPagingDirectory(data + "/paging")
            .setLargeMessagesDirectory(data + "/large")
            .setNodeManagerLockDirectory(data + "/lock")
            .setJMXManagementEnabled(false)
            .setMessageCounterEnabled(false)
            // A limit per address would not work: Artemis counts a message at the address that it
            // was published to, one per truck, but applies the limit at the queue's address.
            .setGlobalMaxSize(Long.parseLong(maxBytes));
    // MQTT's separator and wildcards. By default a dot separates levels, but truck ids may contain
    // dots.
    configuration.setWildCardConfiguration(
        new WildcardConfiguration().setDelimiter('/').setAnyWords('#').setSingleWord('+'));
    AddressSettings points =
        new AddressSettings()
            .setMaxDeliveryAttempts(-1) // unlimited redelivery
            .setRedeliveryDelay(0)
            .setAutoDeleteQueues(false)
            .setAddressFullMessagePolicy(AddressFullMessagePolicy.FAIL);
    // Artemis' own addresses: a full broker must still be able to store a bridge's subscription.
    AddressSettings others =
        new AddressSettings().setAddressFullMessagePolicy(AddressFullMessagePolicy.PAGE);
    AddressSettings results =
        new AddressSettings()
            .setMaxSizeBytes(1 << 16) // for a disconnected truck; further results are dropped
            .setAddressFullMessagePolicy(AddressFullMessagePolicy.DROP);
    return configuration
        .addAddressSetting("#", others)
        .addAddressSetting(TELEMETRY, points)
        .addAddressSetting(OWNTRACKS, points)
        .addAddressSetting(TELEMETRY + "/result", results);
  }

  /** The name and role of an authenticated client. */
  private record Identity(String name, String role) {
    static Identity of(Subject subject) {
      if (subject == null) {
        return null;
      }
      return new Identity(
          subject.getPrincipals(UserPrincipal.class).iterator().next().getName(),
          subject.getPrincipals(RolePrincipal.class).iterator().next().getName());
    }

    String quoted() {
      return Pattern.quote(name);
    }

    boolean maySubscribe(String filter) {
      return switch (role) {
        case "truck" -> filter.equals("trucks/" + name + "/telemetry/result");
        // Nothing is published there, but the app always subscribes to this topic.
        case "phone" -> filter.matches("owntracks/" + quoted() + "/[^/+#]+/cmd");
        case "bridge" ->
            BRIDGE_FILTERS.stream().anyMatch(one -> filter.equals("$share/bridges/" + one));
        default -> false;
      };
    }
  }

  /** Authenticates trucks and bridges, whose password is a token of the identity provider. */
  private static final class Tokens {
    private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();

    Tokens(String jwks, String issuer, String audience) throws Exception {
      var keys = JWKSourceBuilder.create(URI.create(jwks).toURL()).retrying(true).build();
      processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.RS256, keys));
      var verifier =
          new DefaultJWTClaimsVerifier<SecurityContext>(
              audience,
              new JWTClaimsSet.Builder().issuer(issuer).build(),
              Set.of("sub", "role", "exp"));
      verifier.setMaxClockSkew(0);
      processor.setJWTClaimsSetVerifier(verifier);
    }

    Identity holder(String user, String token) throws Exception {
      JWTClaimsSet claims = processor.process(token, null);
      String name = claims.getSubject();
      String role = claims.getStringClaim("role");
      String required =
          switch (role) {
            case "truck" -> name;
            case "bridge" -> "bridge:" + name;
            default -> null;
          };
      return user.equals(required) ? new Identity(name, role) : null;
    }
  }

  /**
   * Authenticates phones, whose user name is their truck and whose password is a device's secret.
   *
   * <p>It sends both to the HTTP API with an empty OwnTracks message, because the API knows which
   * devices exist, which are revoked, and which trucks are blocked.
   */
  private record Phones(String url) {
    static final String SECRET = "[0-9a-hjkmnp-tv-z]{26}";
    static final int TIMEOUT_MS = 5_000;

    Identity holder(String user, String secret) throws Exception {
      String credentials = user + ":" + secret;
      var request = (HttpURLConnection) URI.create(url).toURL().openConnection();
      request.setRequestMethod("POST");
      request.setConnectTimeout(TIMEOUT_MS);
      request.setReadTimeout(TIMEOUT_MS);
      request.setRequestProperty(
          "Authorization",
          "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(UTF_8)));
      request.setFixedLengthStreamingMode(0);
      request.setDoOutput(true);
      try {
        request.getOutputStream().close();
        return request.getResponseCode() == 200 ? new Identity(user, "phone") : null;
      } finally {
        request.disconnect();
      }
    }
  }

  /**
   * The authenticated client and its permissions.
   *
   * <p>Artemis caches permissions by user name. So the user name of a truck and its phones is the
   * truck's id, and a bridge's user name has a format that no truck id can have.
   */
  private static final class Credentials implements ActiveMQSecurityManager5 {
    private final Tokens tokens;
    private final Phones phones;

    Credentials(Tokens tokens, Phones phones) {
      this.tokens = tokens;
      this.phones = phones;
    }

    @Override
    public Subject authenticate(
        String user, String password, RemotingConnection connection, String domain) {
      try {
        Identity holder =
            password.matches(Phones.SECRET)
                ? phones.holder(user, password)
                : tokens.holder(user, password);
        if (holder == null || !holder.name().matches("[A-Za-z0-9._-]{1,64}")) {
          return null;
        }
        Subject subject = new Subject();
        subject.getPrincipals().add(new UserPrincipal(holder.name()));
        subject.getPrincipals().add(new RolePrincipal(holder.role()));
        return subject;
      } catch (Exception refused) {
        return null;
      }
    }

    @Override
    public boolean authorize(Subject subject, Set<Role> roles, CheckType check, String full) {
      Identity identity = Identity.of(subject);
      if (identity == null) {
        return false;
      }
      String address = full.split("::", 2)[0]; // a queue is given as "address::name"
      String own = "trucks/" + identity.name() + "/telemetry";
      String ofPhone = "owntracks/" + identity.quoted() + "/[^/+#]+";
      return switch (identity.role()) {
        case "truck" ->
            switch (check) {
              case SEND -> address.equals(own);
              case CREATE_ADDRESS -> address.equals(own) || address.equals(own + "/result");
              case CONSUME,
                      CREATE_DURABLE_QUEUE,
                      CREATE_NON_DURABLE_QUEUE,
                      DELETE_DURABLE_QUEUE,
                      DELETE_ADDRESS ->
                  address.equals(own + "/result");
              default -> false;
            };
        // The app also publishes other messages, one level below its positions. They are
        // acknowledged and dropped, because no queue matches. If they were refused, the app would
        // resend them forever.
        case "phone" ->
            switch (check) {
              case SEND -> address.matches(ofPhone + "(/[a-z]+)?");
              case CREATE_ADDRESS, DELETE_ADDRESS -> address.matches(ofPhone + "(/[a-z]+)?");
              case CONSUME,
                      CREATE_DURABLE_QUEUE,
                      CREATE_NON_DURABLE_QUEUE,
                      DELETE_DURABLE_QUEUE ->
                  address.matches(ofPhone + "/cmd");
              default -> false;
            };
        // Bridges may not delete queues, which hold messages that were acknowledged to trucks.
        case "bridge" ->
            switch (check) {
              case CONSUME -> BRIDGE_FILTERS.contains(address);
              case SEND, CREATE_ADDRESS -> address.matches("trucks/[A-Za-z0-9._-]+/telemetry/result");
              default -> false;
            };
        default -> false;
      };
    }

    @Override
    public boolean validateUser(String user, String password) {
      return false;
    }

    @Override
    public boolean validateUserAndRole(
        String user, String password, Set<Role> roles, CheckType check) {
      return false;
    }
  }

  /**
   * Prevents the deletion of the bridges' queues.
   *
   * <p>When a session ends or expires, Artemis deletes the queue of its shared subscription with
   * all its messages, unless another session is connected to the queue at that time. Artemis checks
   * no permission for this.
   */
  private static final class BridgeQueueKeeper implements ActiveMQServerQueuePlugin {
    @Override
    public void beforeDestroyQueue(
        Queue queue, SecurityAuth session, boolean unlessUsed, boolean all, boolean withAddress)
        throws ActiveMQException {
      String name = queue.getName().toString();
      if (name.startsWith(BRIDGE_QUEUE_PREFIX)) {
        System.out.println("queue_kept " + name);
        throw new ActiveMQIllegalStateException(name + " must not be deleted with a session");
      }
    }
  }

  /**
   * Ends a connection before Artemis' own checks, which run too late in two cases.
   *
   * <p>First, a client that uses the id of another client takes over its session. Second, when
   * Artemis refuses a shared subscription, it deletes the queue of that subscription. With the name
   * of the bridges' queue, any truck could delete all trucks' messages.
   */
  private static final class AccessInterceptor implements MQTTInterceptor {
    @Override
    public boolean intercept(MqttMessage packet, RemotingConnection connection) {
      if (packet instanceof MqttConnectMessage connect) {
        String user = connect.payload().userName();
        String client = connect.payload().clientIdentifier();
        return user != null && (client.equals(user) || client.startsWith(user + "/"));
      }
      if (packet instanceof MqttSubscribeMessage subscribe) {
        Identity identity = Identity.of(connection.getSubject());
        return identity != null
            && subscribe.payload().topicSubscriptions().stream()
                .allMatch(each -> identity.maySubscribe(each.topicFilter()));
      }
      return true;
    }
  }
}
