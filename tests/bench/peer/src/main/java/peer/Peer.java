package peer;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/**
 * peer QUERY STATE-DIR OUT [stay]: runs one query over what stands in its topics, exactly once, and ends when all of it is committed;
 * with `stay` it goes on until SIGTERM. Brokers and the prefix of the topics are in KUTILS_BROKERS and TOPIC_PREFIX, as for the scripts.
 */
public final class Peer {
  private static final long COMMIT_INTERVAL_MS = 500; // as the loop's, and ours with a backlog
  private static final long STAY_COMMIT_INTERVAL_MS = 100; // the default of exactly once
  private static final long CACHE_BYTES = 64L << 20; // as ours

  private Peer() {}

  public static void main(String[] args) throws Exception {
    final boolean stay = args.length == 4 && args[3].equals("stay");
    if (args.length != 3 && !stay) {
      System.err.println("usage: peer QUERY STATE-DIR OUT [stay]");
      System.exit(2);
    }
    final String brokers = System.getenv("KUTILS_BROKERS");
    final String prefix = System.getenv().getOrDefault("TOPIC_PREFIX", "");
    final String query = args[0];
    final String application = args[2] + "-peer";

    final Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    config.put(StreamsConfig.STATE_DIR_CONFIG, args[1]);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, stay ? STAY_COMMIT_INTERVAL_MS : COMMIT_INTERVAL_MS);
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    config.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);

    final StreamsBuilder builder = new StreamsBuilder();
    new Queries(builder, prefix, args[2]).build(query);

    boolean failed;
    try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers));
        KafkaStreams streams = new KafkaStreams(builder.build(config), config)) {
      final Map<TopicPartition, Long> ends =
          endsOfRecords(admin, brokers, Queries.inputs(query).stream().map(topic -> prefix + topic).toList());
      if (stay) {
        final CountDownLatch ended = new CountDownLatch(1);
        streams.setStateListener((now, before) -> { if (now == KafkaStreams.State.ERROR) ended.countDown(); });
        streams.start();
        ended.await(); // or SIGTERM
        System.exit(1);
      }
      streams.start();
      awaitCommitted(admin, streams, application, ends);
      failed = streams.state() == KafkaStreams.State.ERROR;
    }
    System.exit(failed ? 1 : 0);
  }

  /** Behind the last record of each partition that has any; a transaction's marker at the end is never committed as read. */
  private static Map<TopicPartition, Long> endsOfRecords(Admin admin, String brokers, List<String> topics) throws Exception {
    final Map<TopicPartition, Long> ends = ends(admin, topics);
    final Map<String, Object> config =
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers,
            ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class,
            ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    final Map<TopicPartition, Long> behind = new HashMap<>();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config)) {
      for (final var end : ends.entrySet()) {
        final TopicPartition partition = end.getKey();
        if (end.getValue() == 0) continue;
        consumer.assign(List.of(partition));
        consumer.seek(partition, end.getValue() - 1);
        behind.put(partition, end.getValue() - 1);
        while (consumer.position(partition) < end.getValue()) {
          if (!consumer.poll(Duration.ofMillis(100)).isEmpty()) behind.put(partition, end.getValue());
        }
      }
    }
    return behind;
  }

  private static Map<TopicPartition, Long> ends(Admin admin, List<String> topics) throws Exception {
    final Map<TopicPartition, OffsetSpec> partitions = new HashMap<>();
    admin.describeTopics(topics).allTopicNames().get().values()
        .forEach(topic -> topic.partitions().forEach(p -> partitions.put(new TopicPartition(topic.name(), p.partition()), OffsetSpec.latest())));
    return admin.listOffsets(partitions).all().get().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, end -> end.getValue().offset()));
  }

  /**
   * Until the input is committed, and so is what the internal topics hold, all of which ends with a transaction's marker; at two
   * looks, a commit apart, without a change between them.
   */
  private static void awaitCommitted(Admin admin, KafkaStreams streams, String application, Map<TopicPartition, Long> inputs)
      throws Exception {
    Map<TopicPartition, Long> last = null;
    while (streams.state() != KafkaStreams.State.ERROR && streams.state() != KafkaStreams.State.NOT_RUNNING) {
      Thread.sleep(COMMIT_INTERVAL_MS + 100);
      final Map<TopicPartition, Long> wanted = new HashMap<>(inputs);
      final List<String> internal =
          admin.listTopics().names().get().stream()
              .filter(name -> name.startsWith(application + "-") && !name.endsWith("-changelog"))
              .toList();
      ends(admin, internal).forEach((partition, end) -> wanted.put(partition, end - 1));
      final Map<TopicPartition, OffsetAndMetadata> committed =
          admin.listConsumerGroupOffsets(application, new ListConsumerGroupOffsetsOptions().requireStable(true))
              .partitionsToOffsetAndMetadata().get();
      final boolean done =
          wanted.entrySet().stream()
              .allMatch(
                  want -> {
                    final OffsetAndMetadata at = committed.get(want.getKey());
                    return want.getValue() <= 0 || (at != null && at.offset() >= want.getValue());
                  });
      if (done && wanted.equals(last)) return;
      last = done ? wanted : null;
    }
  }
}
