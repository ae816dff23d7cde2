#include "expr/expressions.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/nearest_name.h"
#include "base/trim.h"
#include "base/utf8.h"
#include "data/codec.h"
#include "expr/habits.h"
#include "expr/lexer.h"
#include "expr/parser.h"
#include "expr/program.h"
#include "expr/source_error.h"
#include "expr/text.h"
#include "expr/value_bytes.h"

namespace kutils::expr {
namespace {

struct Compiled {
  std::string text;
  std::string what;
  InList in_list;
  std::string canonical;
  std::unique_ptr<Program> program;
  bool is_condition = false;
};

}  // namespace

struct Expressions::Impl {
  explicit Impl(Options options)
      : value_codec(
            Codec::parse(options.value_codec.empty() ? "json" : options.value_codec, "--value-codec")),
        trust(options.trust_json),
        reader(fields, options.trust_json) {
    if (!options.key_codec.empty()) key_codec = Codec::parse(options.key_codec, "--key-codec");
    context.key_guessed = !key_codec;
    context.key_form = key_codec ? key_codec->form() : DecodedForm::string;
    context.value_form = value_codec.form();
    if (options.random_seed != 0) context.random_state = options.random_seed;
    scope.record = options.record;
    scope.value_has_fields = value_codec.form() == DecodedForm::json;
    scope.fields = &fields;
    scope.arguments = std::move(options.args);
    scope.warn = std::move(options.warn);
    comparisons = std::move(options.comparisons);
    scope.watches_comparisons = comparisons != nullptr;
    for (const auto& [name, json] : options.variables) {
      const std::string& text = texts.emplace_back(json);
      const Value value = variables.json(text);
      if (value.is_error())
        throw usage_error("--var " + name + ": " + std::string(value.as_error().message),
                          "write a string as '\"text\"'");
      scope.variables[name] = value;
    }
    context.fields = &reader;
    context.record = &record;
  }

  Codec value_codec;
  std::optional<Codec> key_codec;
  bool trust;
  FieldSet fields;
  FieldReader reader;
  Scope scope;
  std::shared_ptr<ComparisonLog> comparisons;  // may be null
  Context context;
  Context variables;  // its arena holds the values of --var
  std::deque<std::string> texts;
  std::vector<Compiled> expressions;
  Record record;
  std::string value_scratch;
  std::string key_scratch;
  bool members = false;
  bool reads_value = false;
  bool reads_fields = false;
  bool reads_key = false;
  bool bound_fields = false;  // the reader holds this record's fields
  // Hints that are left: as many as a run prints errors in full, because each hint reads the record again.
  int suggestions = 10;
  int hints = 10;
  // What was added to a message: equal errors keep equal messages, so that a run prints them once.
  std::map<std::pair<size_t, std::string>, std::pair<std::string, std::string>> added;

  size_t keep(std::string_view text, std::string_view what, const Node& node,
              std::unique_ptr<Program> program, InList in_list = {}, bool is_condition = false) {
    reads_value = reads_value || program->reads_value;
    reads_fields = reads_fields || program->reads_fields;
    for (WatchedComparison& one : program->comparisons)
      one.met = &comparisons->entry(what, text, in_list.before, in_list.after, one.comparison);
    expressions.push_back({std::string(text), std::string(what), std::move(in_list), print(node),
                           std::move(program), is_condition});
    return expressions.size() - 1;
  }

  // The expression's error as the record's: with a caret.
  RecordError record_error(size_t handle, const ErrorValue& error) {
    const Compiled& expression = expressions[handle];
    std::string message = expression.what.empty() ? "" : expression.what + ": ";
    message += error.message;
    const std::pair<size_t, std::string> same{handle, std::string(error.message)};
    auto known = added.find(same);
    if (known == added.end() && suggestions > 0 && hints > 0)
      known = added.emplace(same, what_to_add(expression, error)).first;
    const std::string caret = "\n" + point_at(expression.text, error.begin, error.end);
    if (known == added.end()) return {error.reason, message + caret};
    return {error.reason, message + known->second.first + caret + known->second.second};
  }

  // What a message gets behind its first line, and behind its caret.
  std::pair<std::string, std::string> what_to_add(const Compiled& expression, const ErrorValue& error) {
    std::string_view missing;
    if (error.reason == Reason::missing_field && error.message.rfind(kNoField, 0) == 0)
      missing = error.message.substr(kNoField.size(), error.message.size() - kNoField.size() - 1);
    std::string near = missing.empty() ? std::string() : nearest_field(missing);
    std::string ours;
    if (!near.empty()) ours = nearest_names(expression);
    if (near.empty()) ours = our_spelling(expression, missing, error.message);
    if (near.empty() && ours.empty() && stands_for_text(expression.text, error))
      near = "; text stands in quotes, and the shell takes those that are not within others: '... == \"" +
             std::string(missing) + "\"'";
    if (near.empty() && ours.empty() && expression.what == "--key" && expression.text == missing)
      near =
          "; a key that is a text stands in quotes within others: --key '\"" + std::string(missing) + "\"'";
    if (near.empty() && ours.empty() && expression.what.starts_with("--header ") &&
        expression.text == missing)
      near = "; a header that is a text stands in quotes within others: --header '" +
             std::string(expression.what.substr(9)) + "=\"" + std::string(missing) + "\"'";
    // Of lines of text, or --value-codec text: numbers and objects among them are strings.
    if (near.empty() && ours.empty() && error.reason == Reason::wrong_type &&
        value_codec.form() == DecodedForm::string && expression.text.find("_value") != std::string::npos &&
        error.message.find("string") != std::string_view::npos)
      ours =
          "\n  a value of text is a string; as a number: int(_value), double(_value); as JSON: json(_value)";
    return {near, ours};
  }

  // "\n  write: EXPR" if the failed expression is written in another language.
  std::string our_spelling(const Compiled& expression, std::string_view missing, std::string_view complaint) {
    --hints;
    FieldSet none;
    Scope aside = scope;
    aside.fields = &none;
    aside.warn = {};
    aside.watches_comparisons = false;
    const auto ours = for_such_records(expression.text, missing, complaint, [&](const std::string& other) {
      try {
        const auto program = compile(*parse(other), aside);
        return !expression.is_condition || (program->root->kinds & kBool) != 0;
      } catch (const SourceError&) {
        return false;
      }
    });
    const InList& list = expression.in_list;
    return ours ? "\n  write: " + list.before + *ours + list.after : std::string();
  }

  // country == DE
  static bool stands_for_text(std::string_view text, const ErrorValue& error) {
    if (error.reason != Reason::missing_field || error.message.rfind(kNoField, 0) != 0 ||
        error.begin > text.size())
      return false;
    std::string_view before = text.substr(0, error.begin);
    while (!before.empty() && before.back() == ' ') before.remove_suffix(1);
    return before.ends_with("==") || before.ends_with("!=");
  }

  // Of the record at hand; none where it is no object.
  std::vector<std::string> field_names() const {
    const FieldSet none{};
    FieldReader all(none);
    all.want_members();
    std::vector<std::string> names;
    if (all.read(context.value_text)) return names;
    for (const JsonMember& member : all.members()) names.emplace_back(member.name);
    return names;
  }

  // "; did you mean 'number'?" if the record has a field of nearly that name, else "".
  std::string nearest_field(std::string_view missing) {
    if (!bound_fields) return {};
    --suggestions;
    const std::string near = nearest_name(missing, field_names());
    return near.empty() ? std::string() : "; did you mean '" + near + "'?";
  }

  // "\n  write: EXPR", with every misspelt field corrected, not only the one that failed.
  std::string nearest_names(const Compiled& expression) {
    const std::vector<std::string> names = field_names();
    if (names.empty()) return {};
    const InList& list = expression.in_list;
    const auto other = with_nearest_names(list.before + expression.text + list.after, names);
    return other ? "\n  write: " + *other : std::string();
  }
};

namespace {

void demand(const Program& program, const Node& node, Kinds wanted, std::string_view needed) {
  if (program.root->kinds & wanted) return;
  throw SourceError{std::string(needed) + " is needed here, this gives " + kinds_text(program.root->kinds),
                    node.begin,
                    node.end,
                    {}};
}
constexpr const char* kKept =
    "a value that can be kept (null, bool, number, string, bytes, timestamp, duration, list, map)";

}  // namespace

Expressions::Expressions(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Expressions::~Expressions() = default;
Expressions::Expressions(Expressions&&) noexcept = default;
Expressions& Expressions::operator=(Expressions&&) noexcept = default;

size_t Expressions::add(std::string_view text, std::string_view what, Expect expect, const InList& in_list) {
  try {
    refuse_unended_comment(text);
    const auto node = parse(text);
    auto program = compile(*node, impl_->scope);
    if (expect == Expect::boolean) demand(*program, *node, kBool, "true or false");
    if (expect == Expect::number) demand(*program, *node, kNumbers, "a number");
    if (expect == Expect::time) demand(*program, *node, kNumbers | kString | kTimestamp, "a time");
    return impl_->keep(text, what, *node, std::move(program), in_list, expect == Expect::boolean);
  } catch (SourceError& error) {
    const auto fits = [&](const std::string& other) {
      try {
        const auto node = parse(other);
        const auto program = compile(*node, impl_->scope);
        if (expect == Expect::boolean) demand(*program, *node, kBool, "true or false");
        return true;
      } catch (const SourceError&) {
        return false;
      }
    };
    error.hint = with_our_spelling(std::move(error.hint), text, false, fits);
    throw to_usage_error(error, text, what);
  }
}

size_t Expressions::add_fold(std::string_view text, std::string_view what, std::string_view initial) {
  Reader in(initial);
  const Kinds first = bit(from_bytes(in, impl_->variables).kind());
  Scope& scope = impl_->scope;
  const auto warn = scope.warn;
  const auto restore = [&] {
    scope.accumulated = 0;
    scope.warn = warn;
  };
  try {
    const auto node = parse(text);
    // What the expression gives is what it gets next. What is certain to fail fails with the first value.
    std::unique_ptr<Program> program;
    for (Kinds kinds = 0, next = first; next != kinds; scope.warn = {}) {
      scope.accumulated = kinds = next;
      program = compile(*node, scope);
      demand(*program, *node, kKeptKinds, kKept);
      next |= program->root->kinds & kKeptKinds;
    }
    restore();
    if (!program->reads_accumulated && warn)
      warn(std::string(what) + ": '" + std::string(text) +
           "' does not use _acc, the value so far: fold() then keeps the last record's");
    return impl_->keep(text, what, *node, std::move(program));
  } catch (const SourceError& error) {
    restore();
    throw to_usage_error(error, text, what);
  }
}

std::string constant_bytes(std::string_view text, std::string_view what, const Options& options) {
  FieldSet fields;
  Scope scope;
  scope.record = true;
  scope.fields = &fields;
  scope.arguments = options.args;
  std::string bytes;
  try {
    const auto node = parse(text);
    const auto program = compile(*node, scope);
    if (!program->root->is_constant)
      throw SourceError{
          "this must be a constant: it is there before the first record", node->begin, node->end, {}};
    demand(*program, *node, kKeptKinds, kKept);
    if (const auto error = to_bytes(program->root->constant, bytes))
      throw SourceError{error->message, node->begin, node->end, {}};
  } catch (const SourceError& error) {
    throw to_usage_error(error, text, what);
  }
  return bytes;
}

size_t Expressions::declare(const std::string& name) {
  impl_->scope.named.push_back(name);
  impl_->context.locals.resize(std::max(impl_->context.locals.size(), impl_->scope.named.size()));
  return impl_->scope.named.size() - 1;
}

void Expressions::set(size_t number, const Value& value) { impl_->context.locals[number] = value; }

void Expressions::share_limits() {
  impl_->context.restart();
  impl_->context.shares_limits = true;
}

void Expressions::want_members() {
  impl_->members = true;
  impl_->reader.want_members();
}

std::optional<RecordError> Expressions::bind(const Record& record) {
  Impl& impl = *impl_;
  Context& context = impl.context;
  context.arena.reset();
  context.shares_limits = false;
  impl.record = record;
  ++context.record_number;
  context.no_fields = Reason::missing_field;
  if (!record.key.is_null()) {
    context.key_text = record.key.view();
    if (impl.key_codec && !impl.key_codec->is_identity()) {
      auto decoded = impl.key_codec->decode(record.key.view(), impl.key_scratch);
      if (!decoded) return decoded.error();
      context.key_text = *decoded;
    }
  }
  if (!impl.reads_value && !impl.members) return std::nullopt;
  if (record.value.is_null()) {
    // No fields: the reader forgets the last record's.
    context.value_text = {};
    if (impl.reads_fields || impl.members) (void)impl.reader.read("{}");
    impl.bound_fields = false;
    return std::nullopt;
  }
  context.value_text = record.value.view();
  if (!impl.value_codec.is_identity()) {
    auto decoded = impl.value_codec.decode(record.value.view(), impl.value_scratch);
    if (!decoded) return decoded.error();
    context.value_text = *decoded;
  }
  impl.bound_fields = false;
  if (!impl.scope.value_has_fields || (!impl.reads_fields && !impl.members)) return std::nullopt;
  if (auto error = impl.reader.read(context.value_text)) {
    if (error->reason != Reason::not_an_object) return error;
    context.no_fields = Reason::not_an_object;
    return std::nullopt;
  }
  impl.bound_fields = true;
  return std::nullopt;
}

Value Expressions::evaluate(size_t handle) {
  return expr::evaluate(*impl_->expressions[handle].program, impl_->context);
}

Result<Value> Expressions::get(size_t handle) {
  const Value value = evaluate(handle);
  if (!value.is_error()) return value;
  return impl_->record_error(handle, value.as_error());
}

std::optional<RecordError> Expressions::fold(size_t handle, std::string_view accumulated, std::string& next) {
  Context& context = impl_->context;
  const Compiled& expression = impl_->expressions[handle];
  context.restart();
  Reader in(accumulated);
  const Value before = from_bytes(in, context);
  if (context.locals.empty()) context.locals.resize(1);
  context.locals[0] = before;
  const Value value = evaluate(handle);
  if (value.is_error()) return impl_->record_error(handle, value.as_error());
  const auto error = to_bytes(value, next);
  if (!error) return std::nullopt;
  const auto end = static_cast<uint32_t>(expression.text.size());
  return impl_->record_error(handle, {error->reason, "fold(): " + error->message, 0, end});
}

bool Expressions::value_is_object() const { return impl_->bound_fields && impl_->reader.is_object(); }
const std::vector<JsonMember>& Expressions::members() const { return impl_->reader.members(); }
bool Expressions::reads_fields() const { return impl_->reads_value || impl_->members; }
std::string Expressions::canonical(size_t handle) const { return impl_->expressions[handle].canonical; }

std::optional<std::string_view> Expressions::raw_json(size_t handle) const {
  const Program& program = *impl_->expressions[handle].program;
  if (!impl_->bound_fields) return std::nullopt;
  if (program.is_whole_value) {
    const std::string_view text = impl_->context.value_text;
    // As by itself: all of it is JSON, and UTF-8.
    return !impl_->trust && is_utf8(text) ? std::optional(trim(text)) : std::nullopt;
  }
  if (!program.is_plain_field) return std::nullopt;
  const JsonField& field = impl_->reader[program.plain_slot];
  if (field.type == JsonType::missing) return std::nullopt;
  return field.raw;
}

}  // namespace kutils::expr
