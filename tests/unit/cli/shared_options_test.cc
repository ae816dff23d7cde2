#include "cli/shared_options.h"

#include "support/catch.h"

using namespace kutils;
using namespace kutils::cli;

namespace {

struct Emitted {
  MaybeBytes key;
  std::string key_text, value;
  int64_t timestamp = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  bool keeps_key = false;
};

class Collector final : public flow::Emitter {
 public:
  std::vector<Emitted> outputs;
  std::vector<Reason> failures;
  void emit(const Record*, const Output& output) override {
    Emitted emitted{output.key,
                    std::string(output.key.view()),
                    std::string(output.value.view()),
                    output.timestamp,
                    {},
                    output.keeps_key};
    for (const Header& header : output.headers)
      emitted.headers.emplace_back(header.name, header.value.view());
    outputs.push_back(std::move(emitted));
  }
  void fail(const Record&, RecordError error) override { failures.push_back(error.reason); }
  void drop(const Record&, flow::DropReason) override {}
};

class Pass final : public flow::Stage {
 public:
  void process(const Record& record, flow::Emitter& out) override {
    Output output;
    output.key = record.key;
    output.value = record.value;
    output.headers = record.headers;
    output.timestamp = record.timestamp;
    out.emit(&record, output);
  }
};

Collector shape(const ShapePlan& plan, const Record& record) {
  ManualClock clock;
  clock.set_wall_ms(42);
  ShapedStage stage(plan, std::make_unique<Pass>(), &clock);
  Collector out;
  stage.process(record, out);
  return out;
}

}  // namespace

TEST_CASE("policies and intervals") {
  CHECK(parse_on_error("skip").policy == flow::OnError::Policy::skip);
  CHECK(parse_on_error("dead-letter:d").topic == "d");
  CHECK_THROWS_AS(parse_on_error("dead-letter:"), Error);
  CHECK(parse_commit_interval("10ms:1s") == std::make_pair(Millis(10), Millis(1000)));
  CHECK(parse_commit_interval("2s") == std::make_pair(Millis(2000), Millis(2000)));
  CHECK(parse_commit_interval("20ms") == std::make_pair(Millis(20), Millis(500)));
  CHECK_THROWS_AS(parse_commit_interval("1s:10ms"), Error);
}

TEST_CASE("a default group tells endpoints apart, also where their names are long or meet") {
  const auto group = [](const char* in, const char* out) {
    return default_group("kfilter", io::parse_endpoint("IN", in), io::parse_endpoint("OUT", out));
  };
  CHECK(group("a", "b").substr(0, 12) == "kfilter.a.b.");
  CHECK(group("a.b", "c") != group("a", "b.c"));
  const std::string lengthy(200, 'x');
  CHECK(group((lengthy + "1").c_str(), "b") != group((lengthy + "2").c_str(), "b"));
  // The state's topics are named after it.
  CHECK(io::is_topic_name(group((lengthy + "1").c_str(), (lengthy + "2").c_str()) + "-repartition"));
}

TEST_CASE("key, time and headers are made from the record that was read") {
  const Header headers[] = {{"a", MaybeBytes("old")}, {"b", MaybeBytes("kept")}, {"c", MaybeBytes("gone")}};
  Record record;
  record.key = MaybeBytes("k");
  record.value = MaybeBytes(R"({"uri":"/x","t":1700000000,"n":null})");
  record.headers = headers;
  record.timestamp = 7;
  ShapePlan plan;
  plan.key = "uri";
  plan.time = "t";
  plan.time_unit_ns = 1'000'000'000;
  plan.headers = {{"a", "uri"}, {"c", "n"}};
  // What a group remembers: seconds taken for milliseconds would change its times.
  CHECK(ShapedStage(plan, nullptr, nullptr).canonical() ==
        std::vector<std::pair<std::string, std::string>>{{"--key", "uri"},
                                                         {"--time", "t"},
                                                         {"--time-unit", "s"},
                                                         {"--header a", "uri"},
                                                         {"--header c", "n"}});
  const Collector out = shape(plan, record);
  REQUIRE(out.outputs.size() == 1);
  CHECK(out.outputs[0].key_text == "/x");
  CHECK(!out.outputs[0].keeps_key);
  CHECK(out.outputs[0].timestamp == 1700000000000);
  CHECK(out.outputs[0].headers ==
        std::vector<std::pair<std::string, std::string>>{{"b", "kept"}, {"a", "/x"}});

  plan = {};
  plan.key = "n";
  CHECK(shape(plan, record).outputs.at(0).key.is_null());
  plan = {};
  plan.time = "wall";
  CHECK(shape(plan, record).outputs.at(0).timestamp == 42);
  plan = {};
  plan.time = "uri";
  CHECK(shape(plan, record).failures == std::vector<Reason>{Reason::bad_time});
  plan = {};
  plan.key = "missing";
  CHECK(shape(plan, record).failures == std::vector<Reason>{Reason::missing_field});
  plan = {};
  plan.kept_value_codec = parse_codec_pair("json:json+base64", "--value-codec");
  CHECK(shape(plan, record).outputs.at(0).value.substr(0, 4) == "eyJ1");
}
