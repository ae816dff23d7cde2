package peer;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The queries of scripts/examples/nexmark and the pipe of `scripts/bench pipe`, with the same results. Each takes the cheaper way wherever Streams has two with the
 * same meaning: only the fields that it needs are read, keys that are right already are not repartitioned.
 */
final class Queries {
  /** Events may come so late, as in the scripts. */
  private static final Duration GRACE = Duration.ofSeconds(5);

  /** As late as records may be behind an internal topic, over a backlog. */
  private static final Duration BEHIND_INTERNAL = Duration.ofHours(1);

  private static final Duration WINDOW = Duration.ofSeconds(10);
  private static final Serde<String> KEY = Serdes.String();

  private final StreamsBuilder builder;
  private final String prefix;
  private final String out;

  Queries(StreamsBuilder builder, String prefix, String out) {
    this.builder = builder;
    this.prefix = prefix;
    this.out = out;
  }

  /** The topics that the query reads. */
  static List<String> inputs(String query) {
    return switch (query) {
      case "q1", "q2", "q5" -> List.of("bid");
      case "q3", "q8" -> List.of("auction", "person");
      case "q9" -> List.of("auction", "bid");
      case "pipe" -> List.of("pipe");
      default -> throw new IllegalArgumentException(query + ": the peer has q1 q2 q3 q5 q8 q9 pipe");
    };
  }

  void build(String query) {
    switch (query) {
      case "q1" -> q1();
      case "q2" -> q2();
      case "q3" -> q3();
      case "q5" -> q5();
      case "q8" -> q8();
      case "q9" -> q9();
      case "pipe" -> pipe();
      default -> throw new IllegalArgumentException(query);
    }
  }

  private <T> KStream<String, T> stream(String topic, Class<T> type) {
    return builder.stream(prefix + topic, Consumed.with(KEY, Json.of(type)));
  }

  private <T> KTable<String, T> table(String topic, Class<T> type) {
    return builder.table(prefix + topic, Consumed.with(KEY, Json.of(type)), Materialized.with(KEY, Json.of(type)));
  }

  private <T> void write(KStream<String, T> results, Class<T> type) {
    results.to(out, Produced.with(KEY, Json.of(type)));
  }

  // --- q1: prices in euros -------------------------------------------------------------------------------------------

  static final class Bid {
    public long auction;
    public long bidder;
    public double price;
    public String dateTime;
    public String extra;
  }

  private void q1() {
    write(
        stream("bid", Bid.class)
            .mapValues(
                bid -> {
                  bid.price *= 0.908;
                  return bid;
                }),
        Bid.class);
  }

  // --- q2: bids for every 123rd auction ------------------------------------------------------------------------------

  static final class AuctionPrice {
    public long auction;
    public long price;
  }

  private void q2() {
    write(stream("bid", AuctionPrice.class).filter((key, bid) -> bid.auction % 123 == 0), AuctionPrice.class);
  }

  // --- q3: who sells in three states in category 10: two tables and a foreign key --------------------------------------

  static final class Sale {
    public long id;
    public long seller;
    public long category;
  }

  static final class Seller {
    public String name;
    public String city;
    public String state;
  }

  static final class LocalSale {
    public String name;
    public String city;
    public String state;
    public long id;
  }

  private static final Set<String> STATES = Set.of("OR", "ID", "CA");

  private void q3() {
    final KTable<String, Sale> sales = table("auction", Sale.class).filter((key, sale) -> sale.category == 10);
    final KTable<String, Seller> sellers = table("person", Seller.class).filter((key, who) -> STATES.contains(who.state));
    final KTable<String, LocalSale> local =
        sales.join(
            sellers,
            sale -> Long.toString(sale.seller),
            (sale, seller) -> {
              final LocalSale row = new LocalSale();
              row.name = seller.name;
              row.city = seller.city;
              row.state = seller.state;
              row.id = sale.id;
              return row;
            },
            Materialized.with(KEY, Json.of(LocalSale.class)));
    write(local.toStream(), LocalSale.class);
  }

  // --- q5: the auctions with the most bids in the last 10 seconds, every 2 ---------------------------------------------

  static final class Nothing {} // the key says which auction it is

  static final class Count {
    public long auction;
    public long num;
  }

  static final class Hottest {
    public String window_start;
    public List<Long> auctions = new ArrayList<>();
    public long num;

    /** Counts only grow, so that the largest one that came is the largest. */
    Hottest add(String start, Count count) {
      if (count.num > num) {
        num = count.num;
        auctions.clear();
      } else if (count.num < num || auctions.contains(count.auction)) {
        return this;
      }
      window_start = start;
      auctions.add(count.auction);
      return this;
    }
  }

  private void q5() {
    final KStream<String, Count> counts =
        stream("bid", Nothing.class)
            .groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE).advanceBy(Duration.ofSeconds(2)))
            .count(Materialized.with(KEY, Serdes.Long()))
            .toStream()
            .map(
                (window, num) -> {
                  final Count count = new Count();
                  count.auction = Long.parseLong(window.key());
                  count.num = num;
                  return KeyValue.pair(window.window().startTime().toString(), count);
                });
    write(
        counts
            .groupByKey(Grouped.with(KEY, Json.of(Count.class)))
            .aggregate(
                Hottest::new,
                (start, count, hottest) -> hottest.add(start, count),
                Materialized.with(KEY, Json.of(Hottest.class)))
            .toStream(),
        Hottest.class);
  }

  // --- q8: who came and sold something within the same 10 seconds ------------------------------------------------------

  static final class Person {
    public long id;
    public String name;
    public String dateTime;
  }

  static final class SoldAt {
    public long seller;
    public String dateTime;
  }

  /** 2026-01-01T00:00:0, without the second's last digit: the window of 10 seconds. */
  private static boolean sameWindow(String one, String other) {
    return one.regionMatches(0, other, 0, 18);
  }

  /** Each person once. */
  private static final class Distinct extends ContextualProcessor<String, Person, String, Person> {
    private WindowStore<String, byte[]> seen;

    @Override
    public void init(org.apache.kafka.streams.processor.api.ProcessorContext<String, Person> context) {
      super.init(context);
      seen = context.getStateStore("seen");
    }

    @Override
    public void process(Record<String, Person> record) {
      final long window = Instant.parse(record.value().dateTime).toEpochMilli() / WINDOW.toMillis() * WINDOW.toMillis();
      if (seen.fetch(record.key(), window) != null) return;
      seen.put(record.key(), new byte[0], window);
      context().forward(record);
    }
  }

  private void q8() {
    builder.addStateStore(
        Stores.windowStoreBuilder(
                Stores.persistentWindowStore("seen", WINDOW.plus(BEHIND_INTERNAL).multipliedBy(2), WINDOW, false),
                KEY,
                Serdes.ByteArray())
            .withCachingEnabled());
    final KStream<String, SoldAt> sales = stream("auction", SoldAt.class).selectKey((key, sale) -> Long.toString(sale.seller));
    final KStream<String, Person> sellers =
        stream("person", Person.class)
            .join(
                sales,
                (person, sale) -> sameWindow(person.dateTime, sale.dateTime) ? person : null,
                JoinWindows.ofTimeDifferenceAndGrace(WINDOW, BEHIND_INTERNAL),
                StreamJoined.with(KEY, Json.of(Person.class), Json.of(SoldAt.class)))
            .filter((key, person) -> person != null)
            .process(Distinct::new, "seen");
    write(sellers, Person.class);
  }

  // --- q9: the winning bid of each auction -----------------------------------------------------------------------------

  static final class Offer {
    public long bidder;
    public long price;
    public String dateTime;
    public String extra;

    boolean beats(Offer other) {
      return price > other.price || (price == other.price && dateTime.compareTo(other.dateTime) < 0);
    }
  }

  static final class Auction {
    public long id;
    public String itemName;
    public String description;
    public long initialBid;
    public long reserve;
    public String dateTime;
    public String expires;
    public long seller;
    public long category;
    public String extra;
  }

  static final class Times {
    public String dateTime;
    public String expires;
  }

  static final class Won {
    public long id;
    public String itemName;
    public String description;
    public long initialBid;
    public long reserve;
    public String dateTime;
    public String expires;
    public long seller;
    public long category;
    public String extra;
    public long auction;
    public long bidder;
    public long price;
    public String bid_dateTime;
    public String bid_extra;

    Won() {}

    Won(Offer offer, Auction of) {
      id = of.id;
      itemName = of.itemName;
      description = of.description;
      initialBid = of.initialBid;
      reserve = of.reserve;
      dateTime = of.dateTime;
      expires = of.expires;
      seller = of.seller;
      category = of.category;
      extra = of.extra;
      auction = of.id;
      bidder = offer.bidder;
      price = offer.price;
      bid_dateTime = offer.dateTime;
      bid_extra = offer.extra;
    }
  }

  private void q9() {
    final KStream<String, Auction> auctions = stream("auction", Auction.class);
    final KStream<String, Times> times =
        auctions.mapValues(
            auction -> {
              final Times its = new Times();
              its.dateTime = auction.dateTime;
              its.expires = auction.expires;
              return its;
            });
    final KTable<String, Offer> best =
        stream("bid", Offer.class)
            .join(
                times,
                (offer, its) ->
                    offer.dateTime.compareTo(its.dateTime) >= 0 && offer.dateTime.compareTo(its.expires) <= 0 ? offer : null,
                JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMinutes(1), GRACE).after(Duration.ZERO),
                StreamJoined.with(KEY, Json.of(Offer.class), Json.of(Times.class)))
            .filter((key, offer) -> offer != null)
            .groupByKey(Grouped.with(KEY, Json.of(Offer.class)))
            .reduce((one, other) -> other.beats(one) ? other : one);
    final KTable<String, Auction> rows = auctions.toTable(Materialized.with(KEY, Json.of(Auction.class)));
    write(best.join(rows, Won::new).toStream(), Won.class);
  }

  // --- pipe: clicks filtered, grouped by page, scored, summed up, the table's changes counted in windows ----------------

  static final class Click {
    public String uri;
    public long number;
  }

  static final class Scored {
    public long number;
    public double score;
  }

  static final class Total {
    public long n;
    public long total;

    Total add(Scored click) {
      ++n;
      total += click.number;
      return this;
    }
  }

  static final class Changes {
    public String window_start;
    public long changes;
  }

  private void pipe() {
    final KStream<String, Scored> scored =
        stream("pipe", Click.class)
            .filter((key, click) -> click.number >= 100)
            .selectKey((key, click) -> click.uri)
            .mapValues(
                click -> {
                  final Scored one = new Scored();
                  one.number = click.number;
                  one.score = ThreadLocalRandom.current().nextDouble();
                  return one;
                });
    final KTable<String, Total> totals =
        scored
            .groupByKey(Grouped.with(KEY, Json.of(Scored.class)))
            .aggregate(Total::new, (page, click, total) -> total.add(click), Materialized.with(KEY, Json.of(Total.class)));
    final KStream<String, Changes> closed =
        totals
            .toStream()
            .groupByKey(Grouped.with(KEY, Json.of(Total.class)))
            .windowedBy(TimeWindows.ofSizeWithNoGrace(WINDOW))
            .count(Materialized.with(KEY, Serdes.Long()))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
            .toStream()
            .map(
                (window, count) -> {
                  final Changes row = new Changes();
                  row.window_start = window.window().startTime().toString();
                  row.changes = count;
                  return KeyValue.pair(window.key(), row);
                });
    write(closed, Changes.class);
  }
}
