#include "kafka/memory_broker.h"

#include "kafka/client.h"  // rdkafka.h, which must come before the next

#include <librdkafka/rdkafka_mock.h>

namespace kutils::kafka {

struct MemoryBroker::Parts {
  // Hosts the cluster's thread; it talks to nobody.
  rd_kafka_t* host = nullptr;
  rd_kafka_mock_cluster_t* cluster = nullptr;

  ~Parts() {
    if (cluster) rd_kafka_mock_cluster_destroy(cluster);
    if (host) rd_kafka_destroy(host);
  }
};

MemoryBroker::MemoryBroker(int brokers) : parts_(std::make_unique<Parts>()) {
  ConfHandle conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  char why[512] = "";
  parts_->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), why, sizeof why);
  if (!parts_->host) throw Error(ExitCode::connection, std::string("in-memory broker: ") + why);
  (void)conf.release();  // rd_kafka_new took it
  parts_->cluster = rd_kafka_mock_cluster_new(parts_->host, brokers);
  if (!parts_->cluster) throw Error(ExitCode::connection, "the in-memory broker cannot listen on 127.0.0.1");
}

MemoryBroker::~MemoryBroker() = default;

std::string MemoryBroker::bootstrap_servers() const {
  return rd_kafka_mock_cluster_bootstraps(parts_->cluster);
}

void MemoryBroker::create_topic(const std::string& name, int32_t partitions) {
  const auto code = rd_kafka_mock_topic_create(parts_->cluster, name.c_str(), partitions, 1);
  if (code) throw usage_error("topic " + name + " cannot be created: " + rd_kafka_err2str(code));
}

}  // namespace kutils::kafka
