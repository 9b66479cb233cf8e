"""What a training step costs, counted from what its workers do: the model that docs/scaling.md explains."""

PARAMETERS = {
    "mlp": 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10,
    "cnn": 32 * 9 + 32 + 64 * 32 * 9 + 64 + 3136 * 128 + 128 + 128 * 10 + 10,
    "large": 784 * 2048 + 2048 + 2048 * 2048 + 2048 + 2048 * 10 + 10,
}


def cover(lanes, begin, end):
    """How many whole subtrees of the reduction tree the lanes [begin, end) are: so many sums travel."""

    def count(low, high):
        if high <= begin or end <= low:
            return 0
        if begin <= low and high <= end:
            return 1
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return count(low, middle) + count(middle, high)

    return count(0, lanes)


def even_parts(lanes, workers):
    """As even_part of lanes/lane.hpp: the first parts are the longer ones."""
    base, longer = divmod(lanes, workers)
    begins = [worker * base + min(worker, longer) for worker in range(workers + 1)]
    return list(zip(begins, begins[1:]))


def counts(parameters, lanes, workers, buckets=1):
    """What all workers together do in a step: messages, bytes, additions; and the busiest one's lanes and bytes sent."""
    parts = even_parts(lanes, workers)
    sums = [cover(lanes, begin, end) for begin, end in parts]
    size = 4 * parameters
    others = (workers - 1) / workers
    reduce_messages = sum(sums) * (workers - 1) * buckets
    gather_messages = workers * (workers - 1)
    return {
        "messages": reduce_messages + 2 * gather_messages if workers > 1 else 0,  # the control message is an all-gather too
        "bytes": (sum(sums) + workers) * others * size,
        "rounds": 3 if workers > 1 else 0,
        "added": (lanes - sum(sums)) * size,
        "lanes": max(end - begin for begin, end in parts),
        "sent": [max(sums) * others * size, others * size],
    }


def step_time(costs, parameters, lanes, workers, cores, lane_seconds, buckets=1, wire=0.0, latency=0.0, shared=True):
    """Predicted seconds of a step and its parts. `cores`: of all hosts together. `wire`: seconds a byte on a host's link.
    `shared`: whether several workers compute on one host."""
    busy = min(workers, cores)
    count = counts(parameters, lanes, workers, buckets)
    slower = costs["contention"] if shared and busy > 1 else 1.0
    lane = lane_seconds * slower
    compute = max(count["lanes"] * lane, lanes * lane / busy)
    fixed = costs["fixed"] * max(1.0, workers / busy)
    local = costs["add"] * count["added"] / busy + costs["update"] * 4 * parameters / busy
    cpu = costs["byte"] * count["bytes"] / busy
    on_wire = wire * sum(count["sent"])
    messages = costs["message"] * count["messages"] / busy
    waits = (costs["round"] + latency) * count["rounds"]
    parts = {
        "compute": compute,
        "fixed": fixed,
        "local": local,
        "transfer": max(cpu, on_wire),
        "messages": messages,
        "waits": waits,
    }
    # Of the exchange only the reduce-scatter can hide, behind the backward pass of a worker's last lane.
    scatter = parts["transfer"] * count["sent"][0] / max(1.0, sum(count["sent"])) + messages / 3
    return sum(parts.values()), parts, min(scatter, 2 / 3 * lane) if workers > 1 else 0.0
