// table:./FILE: a file as a look-up table.
#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "data/json_fields.h"
#include "flow/join/join_key.h"
#include "flow/join/lookup_rows.h"
#include "flow/join/lookup_tables.h"
#include "flow/run/run.h"
#include "io/line_parser.h"
#include "io/line_source.h"

namespace kutils::flow {
namespace {

// What changes when a file does.
struct FileVersion {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  int64_t modified_s = 0, modified_ns = 0;
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

std::optional<FileVersion> version_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileVersion{info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

std::string counted(size_t rows) { return std::to_string(rows) + (rows == 1 ? " row" : " rows"); }

class FileTable final : public LookupTable {
 public:
  explicit FileTable(const LookupFile& file) : file_(file), key_(file.key, file.options) {}
  ~FileTable() override { close(); }

  void open(const Job&, const Environment& around) override {
    log_ = &around.log;
    seen_ = version_of(file_.path);
    rows_.replace(read(around.log, seen_.value_or(FileVersion())));
    if (file_.reload) reloading_ = around.executor.start([this] { reload(); });
  }

  void close() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ends_ = true;
    }
    end_.notify_all();
    reloading_.reset();  // waits for it
  }

  bool find(std::string_view key, std::string& row) override { return rows_.find(key, row); }

 private:
  LookupRows::Rows read(Log& log, const FileVersion& version) {
    io::Endpoint at;
    at.kind = io::EndpointKind::file;
    at.name = file_.path;
    const auto source = io::open_line_source(at, file_.format);
    LookupRows::Rows rows;
    size_t repeated = 0;
    Batch batch;
    for (io::Fill fill = io::Fill::nothing; fill != io::Fill::end;) {
      batch.clear();
      fill = source->poll(batch, Millis(0));
      for (const io::BadRecord& bad : source->bad_records()) throw unusable(bad.origin, bad.error);
      for (const Record& record : batch.records()) {
        if (auto error = check_json(record.value.view())) throw unusable(record, *error);
        const Result<MaybeBytes> key = key_.read(record);
        if (!key) throw unusable(record, key.error(), other_column(record, key.error()));
        if (key->is_null() || key->view().empty())
          throw unusable(record, {Reason::no_key, "'" + file_.key + "' is empty: a row needs a key"});
        const auto [row, is_new] =
            rows.insert_or_assign(std::string(key->view()), std::string(record.value.view()));
        if (!is_new) ++repeated;
      }
    }
    // A file that another program overwrites is empty for a moment; a table without rows still has its header.
    if (version.size == 0 && file_.format.info->make_parser(file_.format)->has_header())
      throw Error(ExitCode::bad_record, file_.path + " is empty: there is no line with the columns' names",
                  "a look-up table without rows has that line alone");
    if (repeated > 0)
      log.note(file_.path + ": " + counted(repeated) +
               " with a key that an earlier row has; the last one of a key counts");
    return rows;
  }

  // Where each row has the key under another name than LEFT's records: that is said in --on.
  std::string other_column(const Record& record, const RecordError& error) const {
    if (error.reason != Reason::missing_field) return {};
    FieldSet none;
    FieldReader fields(none);
    fields.want_members();
    if (fields.read(record.value.view())) return {};
    std::string names;
    for (const JsonMember& member : fields.members()) {
      if (!names.empty()) names += ", ";
      names += member.name;
    }
    return "its rows have " + names + ": --on LEFTFIELD=FIELD names what joins on each side";
  }

  Error unusable(const Record& record, const RecordError& error, const std::string& hint = {}) const {
    return Error(ExitCode::bad_record,
                 file_.path + ":" + std::to_string(record.offset + 1) + ": " + to_string(error.reason) +
                     ": " + error.message,
                 hint.empty() ? "correct the file: a look-up table refuses rows that it cannot use" : hint);
  }

  // Beside the threads of the run.
  void reload() {
    std::unique_lock<std::mutex> lock(mutex_);
    bool said_missing = false;
    while (!end_.wait_for(lock, *file_.reload, [this] { return ends_; })) {
      const std::optional<FileVersion> now = version_of(file_.path);
      if (!now) {
        if (!std::exchange(said_missing, true))
          log_->note(file_.path + ": the file is not there; the rows read before stay in use");
        continue;
      }
      if (!std::exchange(said_missing, false) && now == seen_) continue;
      try {
        LookupRows::Rows rows = read(*log_, *now);
        // What was written meanwhile may be half of a row less than what it will be: the next look reads it.
        if (version_of(file_.path) != now) continue;
        log_->note(file_.path + ": read again, " + counted(rows.size()));
        rows_.replace(std::move(rows));
      } catch (const Error& error) {
        if (version_of(file_.path) != now) continue;
        log_->note(std::string(error.what()) + "; the rows read before stay in use");
      }
      seen_ = now;
    }
  }

  const LookupFile file_;
  JoinKey key_;  // used by open(), then by reload() alone
  Log* log_ = nullptr;
  LookupRows rows_;
  std::optional<FileVersion> seen_;  // of what was read last, also if it was unusable
  std::mutex mutex_;
  std::condition_variable end_;
  bool ends_ = false;
  std::unique_ptr<Executor::Started> reloading_;  // the last one: it uses the others
};

}  // namespace

std::shared_ptr<LookupTable> make_file_table(const LookupFile& file) {
  return std::make_shared<FileTable>(file);
}

}  // namespace kutils::flow
