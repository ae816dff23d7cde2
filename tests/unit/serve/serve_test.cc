#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/murmur2.h"
#include "flow/aggregate/row_table.h"
#include "flow/query/description.h"
#include "serve/run_views.h"
#include "state/layout.h"
#include "state/partition_store.h"
#include "state/state_format.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::serve;

namespace {

// A table of one sum, put row by row.
class Table {
 public:
  Table() : set_({{"total", "sum", "x", {}, ""}}) {}
  void describe(state::Store& store) const {
    flow::StateDescription description;
    description.tool = "ktable";
    description.output = "totals";
    description.key_names = {"key"};
    description.aggregates = set_.items();
    store.set_description(flow::to_text(description));
  }
  void put(state::Store& store, const std::string& key, int64_t total) const {
    flow::OwnedState state(set_);
    flow::Argument argument{true, {}};
    argument.scalar.kind = flow::ScalarValue::Kind::integer;
    argument.scalar.integer = total;
    REQUIRE_FALSE(set_.add(state.get(), {&argument, 1}));
    std::string value;
    flow::encode_row(set_, true, 1, state.get(), value);
    store.put(std::string(1, state::kGroupRow) + key, value);
  }

 private:
  flow::AggregateSet set_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("http addresses: loopback unless told otherwise") {
  CHECK(to_string(parse_http_address("--http", "8080")) == "127.0.0.1:8080");
  CHECK(to_string(parse_http_address("--http", ":8080")) == "127.0.0.1:8080");
  CHECK(to_string(parse_http_address("--http", "0.0.0.0:80")) == "0.0.0.0:80");
  CHECK(to_string(parse_http_address("--http", "[::1]:80")) == "[::1]:80");
  for (const char* bad : {"", "x", "host", "host:", "1:99999", "80x"})
    CHECK_THROWS_AS(parse_http_address("--http", bad), Error);
}

TEST_CASE("where others reach an address: as bound, by this machine's name, or as told") {
  const auto reached = [](const char* bound, const char* told) {
    std::optional<HttpAddress> advertised;
    if (*told != 0) advertised = parse_advertised("--http-advertise", told);
    return to_string(reachable_address(parse_http_address("--http", bound), advertised));
  };
  char name[256] = {};
  REQUIRE(::gethostname(name, sizeof name - 1) == 0);
  CHECK(reached("8080", "") == "127.0.0.1:8080");
  CHECK(reached("10.0.0.7:8080", "") == "10.0.0.7:8080");
  CHECK(reached("0.0.0.0:8080", "") == std::string(name) + ":8080");
  CHECK(reached("[::]:8080", "") == std::string(name) + ":8080");
  CHECK(reached("0.0.0.0:8080", "10.0.0.7") == "10.0.0.7:8080");
  CHECK(reached("0.0.0.0:8080", "tables.example.org:80") == "tables.example.org:80");
  CHECK(reached("[::]:8080", "fe80::1") == "[fe80::1]:8080");
  CHECK(reached("[::]:8080", "[fe80::1]:80") == "[fe80::1]:80");
  for (const std::string& bad :
       {std::string(), std::string("a:0"), std::string("0.0.0.0"), std::string("[::]:80"), std::string("a/b"),
        std::string("a:b"), std::string(130, 'x')})
    CHECK_THROWS_AS(parse_advertised("--http-advertise", bad), Error);
}

TEST_CASE("metrics, health and errors over HTTP") {
  ManualClock clock;
  clock.advance(Millis(1000));
  RunViews views({"127.0.0.1", 0}, {"kfilter", "a \"group\"", "1.2", "reads <b>&", {{"EXPR", "a < 3"}}},
                 clock);
  const auto get = [&](const std::string& path,
                       std::vector<std::pair<std::string, std::string>> parameters = {}) {
    return http_get(views.address(), path, parameters);
  };
  CHECK(has(get("/health").body, "\"starting\""));
  CHECK(get("/healthz").status == 200);
  CHECK(get("/readyz").status == 503);
  flow::Report::Counts counts;
  counts.in = 1000;
  counts.out = 480;
  counts.failures_by_reason["not JSON"] = 3;
  counts.drops[static_cast<size_t>(flow::DropReason::late)] = 7;
  views.commit_done({3'000, 1'700'000'000'500});
  views.committed(counts);
  views.commit_done({20'000'000, 1'600'000'000'000});
  views.committed(counts);
  views.aborted();
  views.turned(12, 4);
  views.restoring(2, 30, 100);
  const std::string text = get("/metrics").body;
  CHECK(has(text, "kutils_records_in_total{tool=\"kfilter\",group=\"a \\\"group\\\"\"} 1000\n"));
  CHECK(has(text, "kutils_records_out_total{tool=\"kfilter\",group=\"a \\\"group\\\"\"} 480\n"));
  CHECK(has(text, "reason=\"not JSON\"} 3\n"));
  CHECK(has(text, "reason=\"late\"} 7\n"));
  CHECK(has(text, "kutils_commits_total{tool=\"kfilter\",group=\"a \\\"group\\\"\"} 2\n"));
  CHECK(has(text, "kutils_transactions_aborted_total{tool=\"kfilter\",group=\"a \\\"group\\\"\"} 1\n"));
  CHECK(has(text, "kutils_stream_time_seconds{tool=\"kfilter\",group=\"a \\\"group\\\"\"} 1700000000.500\n"));
  CHECK(has(text, "le=\"0.0025\"} 0\n"));
  CHECK(has(text, "le=\"0.005\"} 1\n"));
  CHECK(has(text, "le=\"10\"} 1\n"));
  CHECK(has(text, "le=\"+Inf\"} 2\n"));
  CHECK(has(text, "kutils_commit_duration_seconds_sum{tool=\"kfilter\",group=\"a \\\"group\\\"\"} 20.003\n"));
  CHECK(has(text, "version=\"1.2\"} 1\n"));
  CHECK(has(text, "\nprocess_resident_memory_bytes "));
  CHECK(has(text, "lag_records{tool=\"kfilter\",group=\"a \\\"group\\\"\"} 12\n"));
  CHECK(
      has(text,
          "kutils_restore_remaining_rows{tool=\"kfilter\",group=\"a \\\"group\\\"\",partition=\"2\"} 70\n"));
  CHECK(get("/readyz").status == 503);
  CHECK(has(get("/health").body, "\"restoring\",\"partitions\":4,\"lag\":12"));
  views.opened(2, nullptr);
  // Records were dropped as late within the last minute.
  CHECK(has(get("/health").body, "\"degraded\",\"partitions\":4,\"lag\":12,\"late\":7"));
  clock.advance(Millis(61'000));
  views.turned(12, 4);
  views.committed(counts);
  CHECK(has(get("/health").body, "\"ok\""));
  CHECK(get("/readyz").status == 200);
  CHECK(get("/nothing").status == 404);
  // The page: what it is, how it is; nothing of it is taken as HTML.
  const HttpReply page = get("/");
  CHECK(page.status == 200);
  CHECK(page.type == "text/html; charset=utf-8");
  CHECK(has(page.body, "<title>kfilter a &quot;group&quot;</title>"));
  CHECK(has(page.body, "reads &lt;b&gt;&amp;"));
  CHECK(has(page.body, "<code>a &lt; 3</code>"));
  CHECK(has(page.body, "failed: not JSON</td><td class=n>3<"));
  CHECK(has(page.body, "<polyline"));
  CHECK(has(page.body, "2023-11-14T22:13:20.500Z"));
  CHECK(get("/table/x").status ==
        503);  // no partition is here: another instance may have it, or this one soon
  CHECK(get("/table/x", {{"kei", "a"}}).status == 400);
  CHECK_THROWS_AS(RunViews(views.address(), {"second", ""}, clock), Error);
}

TEST_CASE("live tables: who is asked for a partition of another process says where the answer is") {
  std::string dir = std::filesystem::temp_directory_path() / "kutils-serve-XXXXXX";
  REQUIRE(::mkdtemp(dir.data()) != nullptr);
  {
    // Partitions 0 and 2 of 4 behind an internal topic; 2 has no row yet. Behind them the states of IN's.
    const Table table;
    state::StateEnvironment environment;
    const std::string paths[] = {state::partition_directory(dir, "g", 0),
                                 state::partition_directory(dir, "g", 2)};
    const auto lock = state::PartitionLock::try_acquire(paths[0]);
    const auto lock_2 = state::PartitionLock::try_acquire(paths[1]);
    state::PartitionStore store(environment, paths[0]), empty(environment, paths[1]);
    table.describe(store.operator_store(1));
    std::string here, in_2, in_3;
    for (int i = 0; here.empty() || in_2.empty() || in_3.empty(); ++i) {
      const std::string key = "k" + std::to_string(i);
      const int32_t at = murmur2_partition(key, 4);
      (at == 0 ? here : at == 2 ? in_2 : in_3) = at == 1 ? in_3 : key;
    }
    table.put(store.operator_store(1), here, 7);
    store.take_changes();
    store.applied(1, 1);
    const SystemClock clock;
    RunViews views({"127.0.0.1", 0}, {"ktable", "g"}, clock);
    const auto ask = [&](std::vector<std::pair<std::string, std::string>> parameters) {
      return http_get(views.address(), "/table/totals", parameters);
    };
    views.opened(0, &store.backend());
    views.opened(2, &empty.backend());
    const std::string row = "{\"key\":\"" + here + "\",\"total\":7}\n";
    // Which partitions there are is not known: what is here is all.
    CHECK(ask({{"key", in_3}}).status == 404);
    views.planned({{"in", 4, 4, false}, {"between", 0, 4, true}});

    CHECK(ask({{"key", here}}).body == row);
    const HttpReply none = ask({{"key", in_2}});
    CHECK((none.status == 404 && none.type == LiveTables::kLines));
    const HttpReply elsewhere = ask({{"key", in_3}});
    CHECK(elsewhere.status == 421);
    const auto where = parse_elsewhere(elsewhere.body);
    REQUIRE(where);
    CHECK(where->topic == "between");
    CHECK(where->partitions == std::vector<int32_t>{3});
    CHECK(ask({{"key", here}, {"key", in_3}}).status == 421);
    CHECK(ask({{"key", here}, {"key", in_2}}).status == 404);
    // Of all: what is here, unless it is to be whole.
    CHECK(ask({}).body == row);
    const auto all = parse_elsewhere(ask({{"partition", "all"}}).body);
    REQUIRE(all);
    CHECK(all->partitions == std::vector<int32_t>{0, 1, 2, 3});
    CHECK(ask({{"partition", "all"}, {"key", here}}).body == row);
    // Of partitions by name.
    CHECK(ask({{"topic", "between"}, {"partition", "0"}}).body == row);
    CHECK(ask({{"topic", "between"}, {"partition", "0"}, {"partition", "2"}}).body == row);
    const HttpReply nothing = ask({{"topic", "between"}, {"partition", "2"}});
    CHECK((nothing.status == 200 && nothing.type == LiveTables::kLines && nothing.body.empty()));
    CHECK(ask({{"topic", "between"}, {"partition", "2"}, {"key", here}}).status == 404);
    CHECK(ask({{"topic", "between"}, {"partition", "1"}}).status == 421);
    CHECK(ask({{"topic", "between"}, {"partition", "0"}, {"partition", "1"}}).status == 421);
    CHECK(ask({{"group", "g"}, {"key", here}}).status == 200);
    CHECK(ask({{"group", "h"}, {"key", here}}).status == 404);
    for (const char* bad : {"", "x", "-1", "1x", "99999999999"})
      CHECK(ask({{"partition", bad}}).status == 400);
    // What is restored here will be here; a partition that is here answers meanwhile.
    views.restoring(3, 1, 10);
    CHECK(ask({{"key", in_3}}).status == 503);
    CHECK(ask({{"partition", "all"}}).status == 503);
    CHECK(ask({{"topic", "between"}, {"partition", "0"}}).body == row);
    views.closing(3);
    // A partition that has left is elsewhere, also where no row is left that says what is here.
    views.closing(0);
    CHECK(ask({{"topic", "between"}, {"partition", "0"}}).status == 421);
    CHECK(ask({{"topic", "between"}, {"partition", "2"}}).status == 200);

    // Where who wrote IN chose the partition, a key that is not here may be in any.
    views.planned({{"in", 0, 4, false}});
    views.opened(0, &store.backend());
    CHECK(ask({{"key", here}}).status == 200);
    const auto any = parse_elsewhere(ask({{"key", in_2}}).body);
    REQUIRE(any);
    CHECK(any->partitions.size() == 4);
    CHECK(ask({{"key", here}, {"partition", "all"}}).status == 421);
    views.closing(0);
    views.closing(2);
    store.close();
    empty.close();
  }
  std::filesystem::remove_all(dir);
  for (const char* bad :
       {"", "{}", "{\"topic\":\"t\",\"partitions\":[]}", "{\"topic\":\"t\",\"partitions\":[-1]}"})
    CHECK_FALSE(parse_elsewhere(bad));
}

TEST_CASE("nobody listens") {
  HttpAddress address;
  {
    const HttpServer server({"127.0.0.1", 0}, {});
    address = server.address();
  }
  try {
    http_get(address, "/", {});
    FAIL("answered");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::connection);
  }
}

TEST_CASE("a live table: whole transactions only, while it is written, until it is closed") {
  std::string dir = std::filesystem::temp_directory_path() / "kutils-serve-XXXXXX";
  REQUIRE(::mkdtemp(dir.data()) != nullptr);
  {
    const SystemClock clock;
    const std::string at = state::partition_directory(dir, "g", 0);
    const auto lock = state::PartitionLock::try_acquire(at);
    state::StateEnvironment environment;
    state::PartitionStore store(environment, at);
    const Table table;
    RunViews views({"127.0.0.1", 0}, {"ktable", "g"}, clock);
    views.restoring(0, 0, 0);
    views.opened(0, &store.backend());
    table.describe(store.operator_store(1));
    int64_t offset = 0;
    const auto write = [&](int64_t total) {
      table.put(store.operator_store(1), "a b&c", total);
      table.put(store.operator_store(1), "z", total);
      store.take_changes();
      store.applied(++offset, 1);
    };
    CHECK(http_get(views.address(), "/table/totals", {}).status == 404);
    write(1);
    const HttpReply one = http_get(views.address(), "/table/totals", {{"key", "a b&c"}});
    CHECK(one.status == 200);
    CHECK(one.type == LiveTables::kLines);
    CHECK(one.body == "{\"key\":\"a b&c\",\"total\":1}\n");
    CHECK(http_get(views.address(), "/table/g", {{"prefix", "a"}}).body == one.body);
    CHECK(http_get(views.address(), "/table/other", {}).status == 404);
    CHECK(http_get(views.address(), "/table/totals", {{"at", "now"}}).status == 400);
    const HttpReply absent = http_get(views.address(), "/table/totals", {{"key", "q"}});
    CHECK((absent.status == 404 && absent.type == LiveTables::kLines && absent.body.empty()));

    // The open transaction is not seen.
    table.put(store.operator_store(1), "z", 99);
    CHECK(http_get(views.address(), "/table/totals", {{"key", "z"}}).body == "{\"key\":\"z\",\"total\":1}\n");
    store.discard();
    table.describe(store.operator_store(1));

    std::atomic<bool> done{false};
    std::string wrong;
    int asked = 0;
    std::thread reader([&] {
      while (!done || asked < 20) {
        const HttpReply both = http_get(views.address(), "/table/totals", {});
        const size_t middle = both.body.find('\n');
        const std::string first = both.body.substr(0, middle), second = both.body.substr(middle + 1);
        const auto total = [](const std::string& row) { return row.substr(row.rfind(':')); };
        if (total(first) + "\n" != total(second)) wrong = both.body;
        ++asked;
      }
    });
    for (int64_t i = 2; i < 20'000; ++i) write(i);
    done = true;
    reader.join();
    CHECK(wrong == "");
    // While another partition is restored, only what is there is known.
    views.restoring(1, 30, 100);
    const HttpReply restoring = http_get(views.address(), "/table/totals", {});
    CHECK(restoring.status == 503);
    CHECK(has(restoring.body, "partition 1 is being restored: 30 of at most 100 rows"));
    CHECK(http_get(views.address(), "/table/totals", {{"key", "q"}}).status == 503);
    CHECK(http_get(views.address(), "/table/totals", {{"prefix", "z"}}).status == 503);
    CHECK(http_get(views.address(), "/table/totals", {{"key", "z"}}).status == 200);
    CHECK(http_get(views.address(), "/table/totals", {{"at", "now"}}).status == 400);
    views.closing(1);
    CHECK(http_get(views.address(), "/table/totals", {{"key", "q"}}).status == 404);
    views.closing(0);
    store.close();
    CHECK(http_get(views.address(), "/table/totals", {}).status == 503);
  }
  std::filesystem::remove_all(dir);
}
