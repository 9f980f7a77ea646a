package clickstream;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * Counts clicks, as sentences or JSON, per user as Kafka Streams does by itself: exactly once, in memory, one thread. The clicks are keyed by
 * user, so there is no repartitioning. Says "ready" when it runs.
 */
public final class UserClickCount {
  private static final JsonFactory JSON = new JsonFactory();

  public static void main(String[] args) throws Exception {
    var properties = new Properties();
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("KAFKA_BROKERS"));
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("APPLICATION_ID"));
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("STATE_DIR"));
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");

    var builder = new StreamsBuilder();
    var strings = Serdes.String();
    builder.stream(System.getenv("CLICKSTREAM_TOPIC"), Consumed.with(strings, strings))
        .filter((key, value) -> userOf(value) != null)
        .groupByKey(Grouped.with(strings, strings))
        .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("totals"))
            .withKeySerde(strings)
            .withValueSerde(Serdes.Long()))
        .toStream()
        .mapValues((user, clicks) -> "{\"userId\":\"" + user + "\",\"clicks\":" + clicks + "}")
        .to(System.getenv("USER_CLICK_AGGREGATION_TOPIC"), Produced.with(strings, strings));

    var streams = new KafkaStreams(builder.build(), properties);
    streams.setStateListener((now, before) -> {
      if (now == KafkaStreams.State.RUNNING) System.err.println("ready");
    });
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
      return null;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  /** The user of a click, read as the aggregator reads it; null for anything else. */
  private static String userOf(String click) {
    if (click == null) return null;
    if (click.startsWith("{")) return userOfJson(click);
    if (!click.startsWith("User ")) return null;
    int end = click.indexOf(" clicked on ", 5);
    return end < 0 ? null : click.substring(5, end);
  }

  /** All of it is parsed, as by whoever checks that it is a click, and no more is kept than the user. */
  private static String userOfJson(String click) {
    String user = null;
    try (var parser = JSON.createParser(click)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        if (parser.nextToken() == JsonToken.VALUE_STRING && name.equals("userId")) user = parser.getText();
        else parser.skipChildren();
      }
      return user;
    } catch (IOException error) {
      return null;
    }
  }

  private UserClickCount() {}
}
