#include "kgen/generators.h"

#include <iterator>

#include "base/time_format.h"
#include "kgen/json_fields.h"
#include "kgen/nexmark.h"
#include "kgen/random.h"

namespace kutils {
namespace {

// Visits to a shop: about 113 bytes, `number` even over 0 to 199, few uris that are much visited and many
// that are not.
class Clicks final : public Generator {
 public:
  explicit Clicks(uint64_t seed) : random_(seed) {}
  void append(int64_t, std::string& out) override {
    static constexpr std::string_view kPages[] = {"/home",     "/search",  "/cart",
                                                  "/checkout", "/account", "/help"};
    static constexpr std::string_view kCountries[] = {"DE", "FR", "US", "GB", "IN",
                                                      "BR", "JP", "PL", "ES", "IT"};
    const int64_t user = random_.between(0, 99'999);
    append_int("{\"number\":", random_.between(0, 199), out);
    if (random_.chance(60)) {
      append_text(",\"uri\":", kPages[random_.below(std::size(kPages))], out);
    } else {
      append_int(",\"uri\":\"/product/", random_.between(1, 500), out);
      out += '"';
    }
    out += ",\"user\":\"user";
    append_padded(user, 5, out);
    out += "\",\"email\":\"user";
    append_padded(user, 5, out);
    append_text("@example.org\",\"country\":", kCountries[random_.below(std::size(kCountries))], out);
    append_int(",\"ms\":", random_.between(1, 400), out);
    append_int(".", random_.between(1, 9), out);
    out += '}';
  }

 private:
  Random random_;
};

// Rides with the columns of New York's yellow-cab records. A ride every few seconds from the first of January
// 2026.
class Taxi final : public Generator {
 public:
  explicit Taxi(uint64_t seed) : random_(seed) {}
  void append(int64_t, std::string& out) override {
    pickup_s_ += random_.between(0, 6);
    const int64_t minutes = random_.between(2, 45);
    const int64_t distance = minutes * random_.between(12, 38);  // hundredths of a mile
    const int64_t fare = 300 + distance * 250 / 100 / 10 * 10;
    const bool card = random_.chance(70);
    const int64_t tip = card ? fare * random_.between(0, 30) / 100 : 0;
    const int64_t tolls = random_.chance(6) ? 694 : 0;
    const int64_t extra = random_.chance(40) ? 100 : 0;
    const int64_t congestion = random_.chance(90) ? 250 : 0;
    append_int("{\"VendorID\":", random_.between(1, 2), out);
    append_time(",\"tpep_pickup_datetime\":\"", pickup_s_, out);
    append_time(",\"tpep_dropoff_datetime\":\"", pickup_s_ + minutes * 60 + random_.between(0, 59), out);
    append_int(",\"passenger_count\":", random_.chance(70) ? 1 : random_.between(2, 6), out);
    append_cents(",\"trip_distance\":", distance, out);
    append_int(",\"RatecodeID\":", random_.chance(97) ? 1 : 2, out);
    append_text(",\"store_and_fwd_flag\":", random_.chance(99) ? "N" : "Y", out);
    append_int(",\"PULocationID\":", random_.between(1, 265), out);
    append_int(",\"DOLocationID\":", random_.between(1, 265), out);
    append_int(",\"payment_type\":", card ? 1 : 2, out);
    append_cents(",\"fare_amount\":", fare, out);
    append_cents(",\"extra\":", extra, out);
    append_cents(",\"mta_tax\":", 50, out);
    append_cents(",\"tip_amount\":", tip, out);
    append_cents(",\"tolls_amount\":", tolls, out);
    append_cents(",\"improvement_surcharge\":", 100, out);
    append_cents(",\"total_amount\":", fare + extra + 50 + tip + tolls + 100 + congestion, out);
    append_cents(",\"congestion_surcharge\":", congestion, out);
    out += '}';
  }

 private:
  // `2026-01-01 00:00:00`, as the records have it.
  static void append_time(std::string_view name, int64_t seconds, std::string& out) {
    std::string iso = format_iso_ms(seconds * 1000);
    iso[10] = ' ';
    out.append(name).append(iso, 0, 19).append("\"");
  }

  Random random_;
  int64_t pickup_s_ = 1'767'225'600;
};

class Empty final : public Generator {
 public:
  void append(int64_t, std::string& out) override { out += "{}"; }
};

template <typename T>
std::unique_ptr<Generator> make(const GeneratorOptions& options) {
  return std::make_unique<T>(options.seed);
}

// A new kind of data is a class and a line here.
constexpr GeneratorInfo kGenerators[] = {
    {"clicks", "visits to a shop: number, uri, user, email, country, ms", make<Clicks>},
    {"taxi", "rides with the columns of New York's yellow cabs: VendorID, ..., total_amount", make<Taxi>},
    {"nexmark", "an auction house's events: persons, auctions, bids (1:3:46), told apart by `event`",
     make_nexmark, true},
    {"nexmark:person", "only the persons: id, name, emailAddress, ...", make_nexmark_persons, true},
    {"nexmark:auction", "only the auctions: id, itemName, ..., expires, seller, category",
     make_nexmark_auctions, true},
    {"nexmark:bid", "only the bids: auction, bidder, price, channel, url, dateTime, extra", make_nexmark_bids,
     true},
};

}  // namespace

std::span<const GeneratorInfo> generators() { return kGenerators; }

const GeneratorInfo* find_generator(std::string_view name) {
  for (const GeneratorInfo& info : kGenerators) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::unique_ptr<Generator> make_empty_generator() { return std::make_unique<Empty>(); }

}  // namespace kutils
