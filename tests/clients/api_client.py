"""Asks a server everything that prometheus-api-client can ask, and prints one line for each answer."""

import datetime
import json
import sys

from prometheus_api_client import PrometheusApiClientException, PrometheusConnect

url, end = sys.argv[1], int(sys.argv[2])
client = PrometheusConnect(url=url, disable_ssl=True)
until = datetime.datetime.fromtimestamp(end)
since = until - datetime.timedelta(minutes=20)
at = {"time": end}


def by_labels(result):
    return sorted(result, key=lambda one: json.dumps(one["metric"], sort_keys=True))


def rounded(value):
    """Numbers as text to 12 digits: sums may differ in the last."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    try:
        return f"{float(value):.12g}"
    except (TypeError, ValueError):
        return value


def show(what, value):
    print(what, json.dumps(rounded(value), sort_keys=True))


show("connection", client.check_prometheus_connection())
show("all metrics", client.all_metrics())
show("label names", client.get_label_names(params={"start": end - 60, "end": end}))
show("label values", client.get_label_values("instance", params={"match[]": "up"}))
show("series", sorted(json.dumps(one, sort_keys=True) for one in client.get_series(
    since, until, params={"match[]": 'http_requests_total{job="api"}'})))
show("current", by_labels(client.get_current_metric_value(
    "memory_bytes", label_config={"job": "web"}, params=at)))
show("range data", by_labels(client.get_metric_range_data(
    "up", label_config={"job": "api"}, start_time=since, end_time=until)))
show("chunks", by_labels(client.get_metric_range_data(
    "memory_bytes", start_time=since, end_time=until,
    chunk_size=datetime.timedelta(minutes=5))[:4]))
show("query", by_labels(client.custom_query("sum by (job) (rate(http_requests_total[5m]))", params=at)))
show("query range", by_labels(client.custom_query_range(
    "quantile by (job) (0.5, memory_bytes)", since, until, "30s")))
show("aggregation", client.get_metric_aggregation(
    "sum(http_requests_total)", ["sum", "max", "min", "average"], since, until, "60")
    if hasattr(client, "np") else "needs numpy")
targets = client.get_targets()
show("targets", [targets["activeTargets"], targets["droppedTargets"]])
show("scrape pools", client.get_scrape_pools())
show("metadata", client.get_metric_metadata("no_such_metric"))
try:
    client.custom_query("sum(")
except PrometheusApiClientException as refused:
    show("refused", "400" in str(refused) and "parse error" in str(refused))
