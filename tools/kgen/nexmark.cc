#include "kgen/nexmark.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "base/time_format.h"
#include "kgen/json_fields.h"
#include "kgen/random.h"

namespace kutils {
namespace {

// Names and figures are those of the standard generator's configuration.
constexpr int64_t kPersons = 1;
constexpr int64_t kAuctions = 3;
constexpr int64_t kBids = 46;
constexpr int64_t kEvents = kPersons + kAuctions + kBids;
constexpr int64_t kFirstPersonId = 1000;
constexpr int64_t kFirstAuctionId = 1000;
constexpr int64_t kFirstCategoryId = 10;
constexpr int64_t kCategories = 5;
constexpr int64_t kActivePeople = 1000;     // who may sell and bid
constexpr int64_t kInFlightAuctions = 100;  // that are open at a time
constexpr int64_t kLead = 10;               // ids of persons and auctions that are still to come
constexpr int64_t kHotEvery = 100;          // of so many persons or auctions one is hot
constexpr uint64_t kHotAuctionRatio = 2;    // bids are for the hot one, but for one in 2
constexpr uint64_t kHotSellerRatio = 4;
constexpr uint64_t kHotBidderRatio = 4;
constexpr uint64_t kHotChannelRatio = 2;
constexpr int64_t kChannels = 10'000;
constexpr uint64_t kFirstChannelSeed = uint64_t{1} << 62;  // beyond all events
constexpr size_t kPersonBytes = 200, kAuctionBytes = 500,
                 kBidBytes = 100;  // what `extra` fills up to, on average

// Prices are 100 to 100,000,000 cents, as many in each power of ten. In integers, since pow() differs in its last digit between
// machines: 64 steps for each power, and within a step all alike.
constexpr int kSteps = 64;
constexpr auto kPrices = [] {
  std::array<int64_t, 6 * kSteps + 1> prices{};
  uint64_t price = 100 << 8;
  for (int64_t& p : prices) {
    p = static_cast<int64_t>(price >> 8);
    price = (price * 1'086'988) >> 20;  // 10 to the power of 1/64, in 2^20ths
  }
  return prices;
}();

// Each event has a sequence of its own.
class EventRandom {
 public:
  EventRandom(uint64_t seed, uint64_t event) : state_(mix(seed) ^ mix(event + 0x9e3779b97f4a7c15)) {}
  uint64_t below(uint64_t n) { return (state_ = mix(state_ + 0x9e3779b97f4a7c15)) % n; }
  int64_t below(int64_t n) { return static_cast<int64_t>(below(static_cast<uint64_t>(n))); }

 private:
  static uint64_t mix(uint64_t x) {  // SplitMix64's
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  uint64_t state_;
};

int64_t price(EventRandom& random) {
  const size_t step = random.below(uint64_t{6 * kSteps});
  return kPrices[step] + random.below(std::max<int64_t>(kPrices[step + 1] - kPrices[step], 1));
}

// 3 to `longest` - 1 letters, of which one in 13 is `special`; blanks at the ends are cut.
void append_word(EventRandom& random, uint64_t longest, char special, std::string& out) {
  const size_t begin = out.size();
  for (uint64_t left = 3 + random.below(longest - 3); left > 0; --left)
    out += random.below(uint64_t{13}) == 0 ? special : static_cast<char>('a' + random.below(uint64_t{26}));
  if (special != ' ') return;
  while (out.size() > begin && out.back() == ' ') out.pop_back();
  out.erase(begin, std::min(out.find_first_not_of(' ', begin), out.size()) - begin);
}

void append_url(EventRandom& random, std::string& out) {
  out += "https://www.nexmark.com/";
  for (int i = 0; i < 3; ++i) {
    append_word(random, 5, '_', out);
    out += '/';
  }
  out += "item.htm?query=1";
}

// The last person or auction that there is when event `id` happens, counted from 0; -1: none.
int64_t last_person(int64_t id) { return id / kEvents * kPersons; }
int64_t last_auction(int64_t id) {
  const int64_t place = id % kEvents;
  if (place < kPersons) return id / kEvents * kAuctions - 1;
  return id / kEvents * kAuctions + std::min(place - kPersons, kAuctions - 1);
}

int64_t some_person(int64_t id, EventRandom& random) {
  const int64_t people = last_person(id) + 1;
  const int64_t active = std::min(people, kActivePeople);
  return people - active + random.below(active + kLead);
}
int64_t some_auction(int64_t id, EventRandom& random) {
  const int64_t last = last_auction(id);
  const int64_t first = std::max<int64_t>(last - kInFlightAuctions, 0);
  return first + random.below(last - first + 1 + kLead);
}

enum class Kind { person, auction, bid };

class Nexmark final : public Generator {
 public:
  Nexmark(const GeneratorOptions& options, std::optional<Kind> only) : options_(options), only_(only) {
    EventRandom random(options.seed, UINT64_MAX);
    letters_.reserve(kLetters);
    for (size_t i = 0; i < kLetters; ++i) letters_ += static_cast<char>('a' + random.below(uint64_t{26}));
  }
  int64_t time_ms() const override { return time_ms_; }
  void append(int64_t, std::string& out) override {
    int64_t id = 0;
    do id = adjusted(number_++);
    while (only_ && *only_ != kind(id));
    time_ms_ = time(id);
    EventRandom random(options_.seed, static_cast<uint64_t>(id));
    switch (kind(id)) {
      case Kind::person:
        append_person(id, random, out);
        break;
      case Kind::auction:
        append_auction(id, random, out);
        break;
      case Kind::bid:
        append_bid(id, random, out);
        break;
    }
  }

 private:
  static constexpr size_t kLetters = 65'536;

  static Kind kind(int64_t id) {
    const int64_t place = id % kEvents;
    return place < kPersons ? Kind::person : place < kPersons + kAuctions ? Kind::auction : Kind::bid;
  }
  // Which event comes as the nth: within a group the order is another one.
  int64_t adjusted(int64_t n) const {
    const int64_t group = options_.out_of_order;
    return n / group * group + n % group * (kOutOfOrderStep % group) % group;
  }
  int64_t time(int64_t id) const {
    return options_.begin_ms +
           static_cast<int64_t>(static_cast<double>(id) * 1000 / options_.events_per_second);
  }
  // Begins the object; the field that follows needs no comma.
  void begin(std::string_view event, std::string_view field, std::string& out) const {
    out += '{';
    if (!only_) out.append("\"event\":\"").append(event).append("\",");
    out += field;
  }
  static void append_time(std::string_view name, int64_t ms, std::string& out) {
    out.append(name).append("\"");
    append_iso_ms(ms, out);
    out += '"';
  }
  // So long that an event with `size` bytes has `average`, give or take a fifth.
  void append_extra(EventRandom& random, size_t size, size_t average, std::string& out) const {
    size_t length = 0;
    if (average > size) {
      const size_t wanted = average - size;
      const size_t spread = (wanted + 2) / 5;
      length = wanted - spread + (spread == 0 ? 0 : random.below(uint64_t{2 * spread}));
    }
    append_text(",\"extra\":",
                std::string_view(letters_).substr(random.below(uint64_t{kLetters - length}), length), out);
    out += '}';
  }

  void append_person(int64_t id, EventRandom& random, std::string& out) const {
    static constexpr std::string_view kFirstNames[] = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                                       "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
    static constexpr std::string_view kLastNames[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                                      "Walton", "Smith",  "Jones",   "Noris"};
    static constexpr std::string_view kCities[] = {"Phoenix",  "Los Angeles", "San Francisco", "Boise",
                                                   "Portland", "Bend",        "Redmond",       "Seattle",
                                                   "Kent",     "Cheyenne"};
    static constexpr std::string_view kStates[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
    begin("person", "\"id\":", out);
    append_int("", last_person(id) + kFirstPersonId, out);
    const size_t text = out.size();
    out.append(",\"name\":\"").append(pick(kFirstNames, random)).append(" ").append(pick(kLastNames, random));
    out += "\",\"emailAddress\":\"";
    append_word(random, 7, ' ', out);
    out += '@';
    append_word(random, 5, ' ', out);
    out += ".com\",\"creditCard\":\"";
    for (int i = 0; i < 4; ++i) {
      if (i > 0) out += ' ';
      append_padded(random.below(int64_t{10'000}), 4, out);
    }
    append_text("\",\"city\":", pick(kCities, random), out);
    append_text(",\"state\":", pick(kStates, random), out);
    const size_t names =
        std::string_view(R"(,"name":"","emailAddress":"","creditCard":"","city":"","state":"")").size();
    const size_t size = 8 + out.size() - text - names;
    append_time(",\"dateTime\":", time(id), out);
    append_extra(random, size, kPersonBytes, out);
  }

  void append_auction(int64_t id, EventRandom& random, std::string& out) const {
    const int64_t now = time(id);
    begin("auction", "\"id\":", out);
    append_int("", last_auction(id) + kFirstAuctionId, out);
    const size_t text = out.size();
    out += ",\"itemName\":\"";
    append_word(random, 20, ' ', out);
    out += "\",\"description\":\"";
    append_word(random, 100, ' ', out);
    const size_t names = std::string_view(R"(,"itemName":"","description":")").size();
    const size_t size = 6 * 8 + out.size() - text - names;
    const int64_t initial = price(random);
    append_int("\",\"initialBid\":", initial, out);
    append_int(",\"reserve\":", initial + price(random), out);
    append_time(",\"dateTime\":", now, out);
    // On average until as many auctions later as are open at a time.
    const int64_t horizon = time(id + kInFlightAuctions * kEvents / kAuctions) - now;
    append_time(",\"expires\":", now + 1 + random.below(std::max<int64_t>(2 * horizon, 1)), out);
    const bool hot = random.below(kHotSellerRatio) > 0;
    append_int(",\"seller\":",
               kFirstPersonId + (hot ? last_person(id) / kHotEvery * kHotEvery : some_person(id, random)),
               out);
    append_int(",\"category\":", kFirstCategoryId + random.below(kCategories), out);
    append_extra(random, size, kAuctionBytes, out);
  }

  void append_bid(int64_t id, EventRandom& random, std::string& out) const {
    static constexpr std::string_view kHotChannels[] = {"Google", "Facebook", "Baidu", "Apple"};
    const bool hot_auction = random.below(kHotAuctionRatio) > 0;
    begin("bid", "\"auction\":", out);
    append_int(
        "",
        kFirstAuctionId + (hot_auction ? last_auction(id) / kHotEvery * kHotEvery : some_auction(id, random)),
        out);
    // The second of each hundred, so that hot bidders are no hot sellers.
    const bool hot_bidder = random.below(kHotBidderRatio) > 0;
    append_int(
        ",\"bidder\":",
        kFirstPersonId + (hot_bidder ? last_person(id) / kHotEvery * kHotEvery + 1 : some_person(id, random)),
        out);
    append_int(",\"price\":", price(random), out);
    // A channel has one url.
    const bool hot_channel = random.below(kHotChannelRatio) > 0;
    const int64_t channel = hot_channel ? -1 - random.below(static_cast<int64_t>(std::size(kHotChannels)))
                                        : random.below(kChannels);
    EventRandom its(options_.seed, kFirstChannelSeed + static_cast<uint64_t>(channel));
    if (hot_channel)
      append_text(",\"channel\":", kHotChannels[-1 - channel], out);
    else
      append_int(",\"channel\":\"channel-", channel, out);
    out += hot_channel ? ",\"url\":\"" : "\",\"url\":\"";
    append_url(its, out);
    if (!hot_channel && its.below(uint64_t{10}) > 0)
      append_int("&channel_id=", its.below(int64_t{1} << 31), out);
    out += '"';
    append_time(",\"dateTime\":", time(id), out);
    append_extra(random, 4 * 8, kBidBytes, out);
  }

  template <size_t N>
  static std::string_view pick(const std::string_view (&words)[N], EventRandom& random) {
    return words[random.below(uint64_t{N})];
  }

  GeneratorOptions options_;
  std::optional<Kind> only_;
  std::string letters_;  // `extra` is a piece of it
  int64_t number_ = 0;   // of all events
  int64_t time_ms_ = kNoTimestamp;
};

}  // namespace

std::unique_ptr<Generator> make_nexmark(const GeneratorOptions& options) {
  return std::make_unique<Nexmark>(options, std::nullopt);
}
std::unique_ptr<Generator> make_nexmark_persons(const GeneratorOptions& options) {
  return std::make_unique<Nexmark>(options, Kind::person);
}
std::unique_ptr<Generator> make_nexmark_auctions(const GeneratorOptions& options) {
  return std::make_unique<Nexmark>(options, Kind::auction);
}
std::unique_ptr<Generator> make_nexmark_bids(const GeneratorOptions& options) {
  return std::make_unique<Nexmark>(options, Kind::bid);
}

}  // namespace kutils
