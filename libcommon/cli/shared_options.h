// The options that every tool shares, and the Job made of them.
//
// A tool declares the ones that mean something for it (Shares), so that an option that would do nothing is
// unknown instead of silently ignored. After parsing, make_job() finds all that can be wrong with them and
// opens nothing.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/correction.h"
#include "cli/cluster_options.h"
#include "cli/on_error.h"
#include "cli/option_table.h"
#include "cli/shaped_stage.h"
#include "data/codec.h"
#include "expr/expressions.h"
#include "flow/topology/job.h"
#include "io/line_format.h"
#include "serve/http.h"

namespace kutils::cli {

struct Shares {
  bool reads_topics = true;   // IN may be a topic: -o, --since, -p, -e, ...
  bool writes_topics = true;  // OUT may be a topic: --delivery, --partitions, ...
  bool reads_lines = true;    // -I
  bool writes_lines = true;   // -O, -f
  bool groups = true;         // -g and what belongs to it
  bool expressions = true;    // --arg, codecs, --trust-json
  bool aggregates = false;    // SPEC is a list of aggregates: --functions shows them too
  bool updates_rows = false;  // what it writes are the newest rows of a table: drawn in place on a terminal
  bool seeds = true;          // --seed, for random(); a tool may have its own
  bool codecs = true;         // --value-codec, --key-codec
  bool shapes = true;         // --key, --time, --header
  bool sets_key = true;       // of these, --key
  bool shapes_see_output = false;  // they see what the tool made, for it reads no records (kgen)
  bool keep_null = false;          // --keep-null
  bool envelope_lines = false;     // -J is implied (kcp)
  bool checks_json = false;        // a line that is no JSON is refused when it is read (kwrite)
  bool tables = false;             // IN may be table:NAME
  bool emits_json = false;         // the stage makes JSON of what it reads (kmap); else it passes bytes on
};

// A tool's place in a pipe (kpipe). Options that all stages share belong to the pipe and stand before its
// stages.
struct PipePlace {
  // Endpoints, range, cluster; the stage's job is made from it. `in.table`: it reads a table.
  flow::Job pipe;
  bool has_keys = true;   // records can have keys
  bool has_times = true;  // records have times
  bool rekeyed = false;   // an earlier stage changed keys, and records of equal keys are not together yet
  bool is_first = true;   // it reads IN itself
  bool reads_internal_topic = false;  // keys were brought together by an earlier stage
  bool shows_keys = true;             // the stage's output shows keys
  std::string value_codec;            // of what the stage reads; empty: JSON
};

class GivenCommand;

enum class Explains { as_text, as_graph };  // --explain, --dot

class SharedOptions {
 public:
  explicit SharedOptions(Shares shares) : shares_(shares) {}
  SharedOptions(const SharedOptions&) = delete;
  SharedOptions& operator=(const SharedOptions&) = delete;

  // The tool is a stage of a pipe: only options of its own are declared, and make_job() takes the rest from
  // `place`. Before declare().
  void become_stage(PipePlace place);
  void declare(OptionTable& table);

  // `in`, `out`: operands as given, nullopt: stdin, stdout. Throws usage_error.
  flow::Job make_job(const std::string& tool, const std::optional<std::string>& in,
                     const std::optional<std::string>& out);
  // One more output (kbranch), on the next port.
  void add_output(flow::Job& job, const std::string& operand) const;
  // Refuses options that do nothing for this job, puts --key, --time, --header and the output codecs around
  // the job's last operator, and what changes results into job.settings. Call it last.
  void shape(flow::Job& job) const;
  // --key, --time and --header see what the tool makes, and not the record that it read. Before make_job().
  void let_shapes_see_output() { shares_.shapes_see_output = true; }
  // Of a pipe, whose last stage says it. Before make_job().
  void let_rows_be_updates() { shares_.updates_rows = true; }
  bool updates_rows() const { return shares_.updates_rows; }
  // Throws usage_error if --sort names none of these, the columns of a table.
  void check_sort_column(const std::vector<std::string>& columns) const;
  // After make_job(): for the tool's own expressions.
  const expr::Options& expressions() const { return expressions_; }
  // After a run: what its expressions compared in vain.
  std::vector<std::string> notes_of_expressions() const {
    return expressions_.comparisons ? expressions_.comparisons->notes() : std::vector<std::string>();
  }
  // Null: the tool runs by itself.
  const PipePlace* place() const { return place_ ? &*place_ : nullptr; }
  bool keep_null() const { return keep_null_; }
  bool quiet() const { return quiet_; }
  // Set: what would be done is printed, and nothing is done.
  std::optional<Explains> explains() const {
    if (!explains_) return std::nullopt;
    return as_graph_ ? Explains::as_graph : Explains::as_text;
  }
  void colour_data() { lines_.colour = true; }
  void see_command(const GivenCommand& given) { given_command_ = &given; }
  // As a hint (GivenCommand::hint()), for a note; empty: the tool is a stage of a pipe.
  std::string hint(const Correction& correction) const;
  // Before make_job(): -O table, unless -O says otherwise.
  void prefer_table() {
    if (lines_.out.empty()) lines_.out = "table";
  }
  const std::string* line_template() const { return lines_.format ? &*lines_.format : nullptr; }  // -f
  const std::string& sort_column() const { return lines_.sort_by; }  // --sort, with its sign
  // After make_job(): whether lines of the input carry a key (envelopes, -K).
  bool lines_have_times() const { return place_ ? place_->has_times : in_format_.name() == "envelope"; }
  const std::optional<std::string>& key_expression() const { return shape_.key; }
  bool lines_have_keys() const {
    if (place_) return place_->has_keys;
    return in_format_.name() == "envelope" || in_format_.key_separator.has_value();
  }
  bool names_input_format() const { return !lines_.in.empty() || lines_.envelope; }  // -I, -J
  // After make_job(): rows are lines of cells under one header.
  bool writes_cells() const { return out_format_.name() == "csv" || out_format_.name() == "tsv"; }
  // After make_job(): a line is a string, also one that looks like JSON (-I text).
  bool lines_are_text() const { return in_format_.name() == "text"; }
  // After make_job().
  bool output_shows_keys(const flow::Job& job) const;
  // For a tool that makes no Job: throws usage_error if an option was given that is not one of `besides`.
  void refuse_given(const std::set<std::string>& besides, const std::string& why,
                    const std::string& instead) const;
  bool sets_time() const { return shape_.time.has_value(); }
  // Whether what the tool writes is JSON of its own, whatever it reads.
  bool emits_json() const { return shares_.emits_json; }
  bool has_rows() const { return shares_.aggregates; }
  // The cluster's configuration alone, for tools that have no Job.
  kafka::ClientConfig client_config() const { return cluster_.config(); }

 private:
  struct Lines {
    std::string in;                            // -I
    std::string out;                           // -O
    std::optional<std::string> format;         // -f
    bool envelope = false;                     // -J
    bool embed = false;                        // --embed
    bool pretty = false;                       // --pretty
    std::string sort_by;                       // --sort
    bool colour = false;                       // --color always
    std::optional<std::string> key_separator;  // -K
    std::optional<std::string> null_marker;    // -Z
    bool nul_ended = false;                    // -0
    std::optional<double> rate;                // --rate
    bool csv_strings = false;
    bool latin1 = false;  // --encoding
  };

  // declared_options.cc
  void declare_output(OptionTable& table);
  void declare_lines(OptionTable& table);
  void declare_reading(OptionTable& table);
  void declare_cluster(OptionTable& table);
  void declare_delivery(OptionTable& table);
  void declare_general(OptionTable& table);
  // line_options.cc
  void parse_formats();
  void refuse_idle_codecs(const flow::Job& job) const;
  void set_codecs(const flow::Job& job);
  void set_markers(const flow::Job& job);
  std::string decompressed_hint(const io::Endpoint& in, std::string_view reader) const;
  std::function<void()> forgotten_spec(const flow::Job& job) const;
  void set_lines(flow::Job& job) const;
  std::function<std::unique_ptr<io::Sink>()> line_opener(const flow::Job& job, const io::Endpoint& out) const;
  // shared_options.cc
  flow::Job make_stage_job(const std::string& tool);
  void set_warnings(const std::string& tool);
  void refuse_idle_range(const flow::Job& job) const;
  // Fills job.client, of which the topic has need. Throws usage_error if nobody named brokers.
  void name_cluster(flow::Job& job, const std::string& topic) const;
  void set_group(flow::Job& job) const;

  Shares shares_;
  std::optional<PipePlace> place_;
  std::set<std::string> given_;  // names of the options on the command line
  const GivenCommand* given_command_ = nullptr;
  flow::Job job_;  // filled as options are set
  expr::Options expressions_;
  ShapePlan shape_;
  Lines lines_;
  io::LineFormat in_format_;
  io::LineFormat out_format_;
  ClusterOptions cluster_;
  std::string group_prefix_;
  std::optional<std::string> value_codec_;
  std::optional<std::string> key_codec_;
  bool keep_null_ = false;
  bool quiet_ = false;
  bool explains_ = false;
  bool as_graph_ = false;
  std::string http_;
  serve::HttpAccess http_access_;
  std::optional<bool> progress_;
};

// Where --state-dir is not given: $KUTILS_STATE_DIR, $XDG_STATE_HOME/kutils, ~/.local/state/kutils.
std::string default_state_dir();

// --http-token, of a server and of who asks it. A token in the environment is not seen by other users.
void declare_http_token(OptionTable& table, std::string& token);
std::string http_token_from_environment();  // empty: none; throws usage_error
// `10ms`, `10ms:500ms`
std::pair<Millis, Millis> parse_commit_interval(const std::string& text);
// The group of a tool between two topics: `TOOL.IN.OUT` and a hash of the full names.
std::string default_group(const std::string& tool, const io::Endpoint& in, const io::Endpoint& out);

}  // namespace kutils::cli
