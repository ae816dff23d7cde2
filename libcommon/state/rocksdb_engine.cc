
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "base/fs.h"
#include "kutils_build.h"  // made by libcommon/build_stamp.cmake
#include "state/database_engine.h"
#include "state/layout.h"
#include "state/range_cursors.h"
#include "state/row_cache.h"
#include "state/rows_ahead.h"
#include "state/sorted_changes.h"
#include "state/state_error.h"
#include "state/unsynced_files.h"

namespace kutils::state {
namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

[[noreturn]] void fail(const rocksdb::Status& status, const std::string& doing,
                       const std::string& directory) {
  const std::string message = doing + " the state in " + directory + ": " + status.ToString();
  // A file that is missing or shorter than the manifest says comes as an I/O error, not as corruption.
  if (status.IsCorruption() || status.IsPathNotFound() || status.IsInvalidArgument())
    throw CorruptState(message);
  if (std::error_code error;
      std::filesystem::exists(directory, error) && !std::filesystem::is_directory(directory, error))
    throw Error(
        ExitCode::delivery, directory + " is not a directory, so it is not a state of kutils",
        "remove it, and the state is restored from its changelog topic; or choose another --state-dir");
  const bool full = status.IsNoSpace();
  throw Error(ExitCode::delivery, message,
              full ? "make room on the disk, or choose another --state-dir"
              : message.find("Too many open files") != std::string::npos ? kOpenFilesHint
                                                                         : "");
}

// False: there is no such row.
bool look_up(rocksdb::DB& db, const rocksdb::ReadOptions& how, std::string_view key,
             const std::string& directory, rocksdb::PinnableSlice& found) {
  found.Reset();
  const rocksdb::Status status = db.Get(how, db.DefaultColumnFamily(), slice(key), &found);
  if (!status.ok() && !status.IsNotFound()) fail(status, "cannot read", directory);
  return status.ok();
}

uint64_t estimated_rows(rocksdb::DB& db) {
  uint64_t rows = 0;
  db.GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &rows);
  return rows;
}

class RocksCursor final : public Cursor {
 public:
  RocksCursor(std::unique_ptr<rocksdb::Iterator> it, const std::string& directory)
      : it_(std::move(it)), directory_(directory) {}
  void seek(std::string_view key) override { it_->Seek(slice(key)); }
  bool valid() override {
    if (it_->Valid()) return true;
    if (!it_->status().ok()) fail(it_->status(), "cannot read", directory_);
    return false;
  }
  void next() override { it_->Next(); }
  std::string_view key() const override { return view(it_->key()); }
  std::string_view value() const override { return view(it_->value()); }

 private:
  std::unique_ptr<rocksdb::Iterator> it_;
  const std::string& directory_;
};

// A database's rows with the changes in front of them, which it does not have yet.
class ChangedCursor final : public Cursor {
 public:
  // `changes`: sorted, of each key one. They may be gone afterwards.
  ChangedCursor(std::unique_ptr<Cursor> stored, const std::vector<Change>& changes)
      : stored_(std::move(stored)) {
    size_t size = 0;
    for (const Change& change : changes) size += change.key.size() + change.value.size();
    bytes_.reserve(size);  // it never moves
    changes_.reserve(changes.size());
    for (const Change& change : changes)
      changes_.push_back(
          {copy(change.key), change.value.is_null() ? MaybeBytes() : MaybeBytes(copy(change.value.view()))});
  }
  void seek(std::string_view key) override {
    stored_->seek(key);
    at_ = static_cast<size_t>(
        std::lower_bound(changes_.begin(), changes_.end(), key,
                         [](const Change& change, std::string_view sought) { return change.key < sought; }) -
        changes_.begin());
    settle();
  }
  bool valid() override { return is_changed_ || is_stored_; }
  void next() override {
    if (is_changed_) {
      ++at_;
    } else {
      stored_->next();
    }
    settle();
  }
  std::string_view key() const override { return is_changed_ ? changes_[at_].key : stored_->key(); }
  std::string_view value() const override {
    return is_changed_ ? changes_[at_].value.view() : stored_->value();
  }

 private:
  std::string_view copy(std::string_view bytes) {
    const size_t from = bytes_.size();
    bytes_.append(bytes);
    return std::string_view(bytes_).substr(from);
  }
  // Finds which of the two has the next row: a change stands for the stored row of its key.
  void settle() {
    for (;; ++at_) {
      is_stored_ = stored_->valid();
      is_changed_ = at_ < changes_.size();
      if (!is_changed_) return;
      const int order = is_stored_ ? stored_->key().compare(changes_[at_].key) : 1;
      if (order < 0) {
        is_changed_ = false;
        return;
      }
      if (order == 0) stored_->next();
      if (!changes_[at_].value.is_null()) return;
    }
  }

  const std::unique_ptr<Cursor> stored_;
  std::string bytes_;
  std::vector<Change> changes_;
  size_t at_ = 0;
  bool is_stored_ = false;   // the row is the stored one, or that comes next
  bool is_changed_ = false;  // the row is changes_[at_]
};

class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// A database behind a cache of rows. What is written stays in the cache until it is worth a file of its own
// (spill()): that file is sorted, written and taken into the database whole, which costs a fraction of as
// many puts, and hot rows are written once. A kill loses the rows in the cache, with the mark: they are
// restored from the changelog, like all rows newer than the mark.
class RocksBackend final : public Backend, public RangeCursors {
 public:
  // `budget`: of the row caches together, `spare`: of what else the partitions keep in memory, `open`: their
  // number; all may be shared by several threads.
  RocksBackend(std::unique_ptr<rocksdb::DB> db, std::string directory, const rocksdb::Options& options,
               size_t budget, size_t spare, std::shared_ptr<std::atomic<size_t>> open)
      : db_(std::move(db)),
        directory_(std::move(directory)),
        sst_options_(options),
        budget_(budget),
        spare_(spare),
        open_(std::move(open)),
        cache_(budget_, is_empty()) {
    // Rows that are asked for again lie in cache_. Blocks of the others, kept, only put each other out, and a scan
    // keeps the one that it stands in.
    read_.fill_cache = false;
    write_.disableWAL = true;                            // the changelog topic is the log
    sst_options_.compression = rocksdb::kNoCompression;  // it is merged with others soon
    ++*open_;
  }
  ~RocksBackend() override { --*open_; }

  std::optional<std::string_view> get(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    std::string_view known;
    switch (cache_.find(key, known)) {
      case RowCache::Known::present:
        return known;
      case RowCache::Known::absent:
        return std::nullopt;
      case RowCache::Known::no:
        break;
    }
    if (MaybeBytes row; ahead_.find(key, row))
      return row.is_null() ? std::nullopt : std::optional(row.view());
    if (!look_up(*db_, read_, key, directory_, found_)) return std::nullopt;
    if (key.size() + found_.size() <= RowCache::kMaxRowBytes)
      cache_.put(key, MaybeBytes(view(found_)), false);
    return view(found_);
  }
  // A block of the files has rows of several keys, and is read and unpacked once for all that are next to each other.
  void read_ahead(std::vector<std::string_view>& keys) override {
    const std::lock_guard lock(mutex_);
    std::vector<Change> wanted;  // for the sorting
    wanted.reserve(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      if (i + kAhead < keys.size()) cache_.load_ahead(keys[i + kAhead]);
      std::string_view known;
      if (cache_.find(keys[i], known) == RowCache::Known::no) wanted.push_back({keys[i], {}});
    }
    ahead_.clear(memory_share() / 8);
    if (wanted.empty()) return;
    sort_unique_changes(wanted);
    ahead_.expect(wanted.size());
    read_lately_.set_bytes(cache_limit() / 128);
    size_t room = memory_share() / 2;
    for (size_t from = 0; from < wanted.size() && room > 0; from += kReadTogether) {
      const size_t count = std::min(kReadTogether, wanted.size() - from);
      rocksdb::Slice sought[kReadTogether];
      rocksdb::Status status[kReadTogether];
      for (size_t i = 0; i < count; ++i) sought[i] = slice(wanted[from + i].key);
      db_->MultiGet(read_, db_->DefaultColumnFamily(), count, sought, together_, status, true);
      for (size_t i = 0; i < count; ++i) {
        const bool exists = status[i].ok();
        if (!exists && !status[i].IsNotFound()) fail(status[i], "cannot read", directory_);
        const MaybeBytes row = exists ? MaybeBytes(view(together_[i])) : MaybeBytes();
        const size_t size = sought[i].size() + row.size();
        room -= std::min(room, size);
        // What is asked for again and again is to be read once.
        if (size <= RowCache::kMaxRowBytes && exists && read_lately_.again(view(sought[i]))) {
          cache_.put(view(sought[i]), row, false);
        } else if (size <= RowCache::kMaxRowBytes) {
          ahead_.add(view(sought[i]), row);
        }
        together_[i].Reset();
      }
    }
  }
  // Other threads may ask for a snapshot. It sees only rows in the database, so the cache is written there
  // first.
  std::unique_ptr<Cursor> cursor() override {
    const std::lock_guard lock(mutex_);
    write_dirty();
    return stored();
  }
  // What was written lately may be much more than what lies there, and the memtable a dear way for it.
  std::unique_ptr<Cursor> cursor_within(std::string_view from, std::string_view to) override {
    const std::lock_guard lock(mutex_);
    std::vector<Change> changes;
    cache_.collect_dirty(from, to, changes);
    size_t bytes = 0;
    for (const Change& change : changes) bytes += change.key.size() + change.value.size() + sizeof(Change);
    std::unique_ptr<Cursor> found;
    if (bytes <= memory_share()) {
      sort_changes(changes);
      found = std::make_unique<ChangedCursor>(stored(), changes);
    } else {
      write_dirty();
      found = stored();
    }
    found->seek(from);
    return found;
  }
  void write(std::span<const Change> changes) override {
    const std::lock_guard lock(mutex_);
    cache_.set_limit(budget_ / std::max<size_t>(1, *open_));
    cache_.trim();  // here, where no view from get() is in use; not in cursor(), which other threads call
    large_.clear();
    ahead_.clear(memory_share() / 8);  // some of it is written over
    for (size_t i = 0; i < changes.size(); ++i) {
      if (i + kAhead < changes.size()) cache_.load_ahead(changes[i + kAhead].key);
      const Change& change = changes[i];
      if (change.key.size() + change.value.size() <= RowCache::kMaxRowBytes) {
        cache_.put(change.key, change.value, true);
      } else {
        cache_.forget(change.key);
        large_.push_back(change);
      }
    }
    since_spill_ += changes.size();
    if (!large_.empty()) {
      write_dirty();
      return cache_.trim();
    }
    const auto now = std::chrono::steady_clock::now();
    if (since_spill_ < kSpillChanges && cache_.dirty_bytes() < cache_limit() / 2 &&
        now - spilled_at_ < kSpillEvery)
      return;
    spilled_at_ = now;
    spill();
    cache_.trim();
  }
  void flush() override {
    const std::lock_guard lock(mutex_);
    write_dirty();
    const rocksdb::Status status = db_->Flush(rocksdb::FlushOptions());
    if (!status.ok()) fail(status, "cannot write", directory_);
  }
  bool in_memory() const override { return false; }
  size_t memory_share() const override {
    return std::min(Backend::memory_share(), spare_ / std::max<size_t>(1, *open_));
  }
  uint64_t approximate_rows() override { return estimated_rows(*db_); }

 private:
  // Bounds what has to be restored after a kill: a few tenths of a second for all partitions of a process.
  static constexpr size_t kSpillChanges = 65'536;
  static constexpr auto kSpillEvery = std::chrono::minutes(5);
  static constexpr size_t kAhead = 4;             // keys whose slots are on their way to the processor
  static constexpr size_t kReadTogether = 128;    // their blocks are in memory at once
  static constexpr size_t kLeastFileRows = 1000;  // fewer are put into a memtable

  bool is_empty() const {
    const std::unique_ptr<rocksdb::Iterator> first(db_->NewIterator(read_));
    first->SeekToFirst();
    return !first->Valid() && first->status().ok();
  }
  std::unique_ptr<Cursor> stored() {
    return std::make_unique<RocksCursor>(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(read_)),
                                         directory_);
  }
  size_t cache_limit() const { return budget_ / std::max<size_t>(1, *open_); }

  void check(const rocksdb::Status& status) const {
    if (!status.ok()) fail(status, "cannot write", directory_);
  }

  // All rows that the database does not have yet.
  void spill() {
    if (cache_.dirty() < kLeastFileRows) return write_dirty();
    const std::string path = spill_file(directory_);
    std::vector<Change> rows;
    cache_.collect_dirty(rows);
    sort_changes(rows);
    // By default the writer has the operating system forget what it wrote, which look-ups then read from the disk.
    constexpr bool kForgetPages = false;
    rocksdb::SstFileWriter file(rocksdb::EnvOptions(), sst_options_, nullptr, kForgetPages);
    check(file.Open(path));
    for (const Change& row : rows)
      check(row.value.is_null() ? file.Delete(slice(row.key))
                                : file.Put(slice(row.key), slice(row.value.view())));
    check(file.Finish());
    rocksdb::IngestExternalFileOptions how;
    how.move_files = true;
    how.write_global_seqno = false;
    check(db_->IngestExternalFile({path}, how));
    written();
  }
  void write_dirty() {
    if (cache_.dirty() == 0 && large_.empty()) return;
    std::vector<Change> rows;
    cache_.collect_dirty(rows);
    rows.insert(rows.end(), large_.begin(), large_.end());
    sort_changes(rows);
    batch_.Clear();
    for (const Change& row : rows)
      check(row.value.is_null() ? batch_.Delete(slice(row.key))
                                : batch_.Put(slice(row.key), slice(row.value.view())));
    check(db_->Write(write_, &batch_));
    if (batch_.GetDataSize() > memory_share() / 2) batch_ = rocksdb::WriteBatch();
    written();
  }
  void written() {
    cache_.clean();
    large_.clear();
    since_spill_ = 0;
  }

  std::unique_ptr<rocksdb::DB> db_;
  const std::string directory_;
  rocksdb::Options sst_options_;
  rocksdb::ReadOptions read_;
  rocksdb::WriteOptions write_;
  const size_t budget_;
  const size_t spare_;
  const std::shared_ptr<std::atomic<size_t>> open_;
  std::mutex mutex_;  // of all below
  RowCache cache_;
  RowsAhead ahead_;  // the database has them as they are here
  ReadLately read_lately_;
  std::vector<Change> large_;  // too large for the cache: of the current write()
  size_t since_spill_ = 0;
  std::chrono::steady_clock::time_point spilled_at_ = std::chrono::steady_clock::now();
  rocksdb::PinnableSlice found_, together_[kReadTogether];
  rocksdb::WriteBatch batch_;
};

// For readers of a stopped tool's state.
class ReadOnlyBackend final : public Backend {
 public:
  ReadOnlyBackend(std::unique_ptr<rocksdb::DB> db, std::string directory)
      : db_(std::move(db)), directory_(std::move(directory)) {}
  std::optional<std::string_view> get(std::string_view key) override {
    return look_up(*db_, read_, key, directory_, found_) ? std::optional(view(found_)) : std::nullopt;
  }
  std::unique_ptr<Cursor> cursor() override {
    return std::make_unique<RocksCursor>(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(read_)),
                                         directory_);
  }
  void write(std::span<const Change>) override {
    throw std::logic_error("state opened for reading is written");
  }
  void flush() override {}
  bool in_memory() const override { return false; }
  uint64_t approximate_rows() override { return estimated_rows(*db_); }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  const std::string directory_;
  rocksdb::ReadOptions read_;
  rocksdb::PinnableSlice found_;
};

// One block cache and one write-buffer manager for all databases.
class RocksEngine final : public DatabaseEngine {
 public:
  explicit RocksEngine(size_t cache_bytes);
  std::unique_ptr<Backend> open(const std::string& directory) override;
  std::unique_ptr<Backend> open_read_only(const std::string& directory) override;

 private:
  const size_t cache_bytes_;
  const size_t row_bytes_;  // of the row caches together
  const std::shared_ptr<std::atomic<size_t>> open_ = std::make_shared<std::atomic<size_t>>(0);
  const std::unique_ptr<rocksdb::Env> env_ = make_unsynced_env();  // outlives every database
  rocksdb::Options options_;
};

// The memory that the row caches leave is for the rows of open transactions and of aggregates under
// evaluation.
RocksEngine::RocksEngine(size_t cache_bytes) : cache_bytes_(cache_bytes), row_bytes_(cache_bytes / 2) {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(cache_bytes / 4);
  rocksdb::Options& options = options_;
  options.env = env_.get();
  options.create_if_missing = true;
  options.max_background_jobs = 2;
  options.allow_concurrent_memtable_write = false;  // one writer per database
  options.enable_write_thread_adaptive_yield = false;
  options.write_buffer_size = std::clamp(cache_bytes / 16, size_t{1} << 20, size_t{16} << 20);
  options.max_write_buffer_number = 3;
  // Memtables are charged to the cache, so that both together stay within its size.
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(cache_bytes / 8, cache);
  options.level0_file_num_compaction_trigger = 8;  // spilled files are small
  options.max_open_files = 256;
  options.table_cache_numshardbits = 2;
  // Most look-ups find nothing in the memtables: a filter avoids the search in the skip list.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  // Where its log cannot be written, on a full disk, RocksDB 7.8 with assertions (Debian 12's) aborts the
  // process.
  options.info_log = std::make_shared<NoLog>();
  options.level_compaction_dynamic_level_bytes = true;
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  options.compression = has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  // Charged to the cache, but pinned, so that reads need no look-up.
  table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kAll;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
}

std::unique_ptr<Backend> RocksEngine::open(const std::string& directory) {
  try {
    make_directories(directory);
  } catch (const Error& error) {
    throw Error(ExitCode::delivery, error.what(), "choose another one with --state-dir");
  }
  std::error_code error;
  std::filesystem::remove(spill_file(directory), error);  // of a process that was killed
  // A memtable costs memory before its first row: each gets less, the more databases there are already.
  rocksdb::Options options = options_;
  const size_t least = 64 << 10;
  options.write_buffer_size = std::max(least, options.write_buffer_size * 2 / (2 + *open_));
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, &db);
  if (!status.ok()) {
    if (status.IsIOError() && !status.IsNoSpace() && std::filesystem::exists(directory + "/CURRENT", error) &&
        status.ToString().find("No such file") != std::string::npos)
      throw CorruptState("a file is missing from the state in " + directory + ": " + status.ToString());
    fail(status, "cannot open", directory);
  }
  return std::make_unique<RocksBackend>(std::unique_ptr<rocksdb::DB>(db), directory, options_, row_bytes_,
                                        cache_bytes_ / 4, open_);
}

std::unique_ptr<Backend> RocksEngine::open_read_only(const std::string& directory) {
  rocksdb::Options options = options_;
  options.create_if_missing = false;
  options.max_open_files = -1;  // all are opened now
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
  if (!status.ok()) {
    if (status.IsIOError() && status.ToString().find("No such file") != std::string::npos)
      throw CorruptState("a file is missing from the state in " + directory + ": " + status.ToString());
    fail(status, "cannot read", directory);
  }
  return std::make_unique<ReadOnlyBackend>(std::unique_ptr<rocksdb::DB>(db), directory);
}

}  // namespace
}  // namespace kutils::state

const char* kutils_rocksdb_build() { return KUTILS_BUILD; }

kutils::state::DatabaseEngine* kutils_make_rocksdb_engine(size_t cache_bytes) {
  return new kutils::state::RocksEngine(cache_bytes);
}
