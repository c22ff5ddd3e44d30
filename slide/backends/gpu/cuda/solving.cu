// Rows by dual coordinate descent: the examples of a row come one after the other, and the threads
// of a block share what is to be done for each.

// The sum over the threads of a block, known to all of them; between two sums there is a barrier.
__device__ inline float sum_of_block(float x) {
    __shared__ float sums[32];
    x = sum_of_warp(x);
    if ((threadIdx.x & 31) == 0) sums[threadIdx.x >> 5] = x;
    __syncthreads();
    float total = 0;
    for (int warp = 0; warp < blockDim.x >> 5; ++warp) total += sums[warp];
    return total;
}

// norms[i] = |x_i|^2: a warp for each of n_rows.
extern "C" __global__ void squared_norms(
    const i64* ptr, const float* values, i64 n_rows, float* norms) {
    const i64 i = ((i64)blockIdx.x * blockDim.x + threadIdx.x) >> 5;
    if (i >= n_rows) return;
    const int lane = threadIdx.x & 31;
    float total = 0;
    for (i64 p = ptr[i] + lane; p < ptr[i + 1]; p += 32) total += values[p] * values[p];
    total = sum_of_warp(total);
    if (lane == 0) norms[i] = total;
}

// A block takes one row after the other through all passes, and keeps its largest weights.
//
// Row r wants examples (of x: ptr, inputs, values, with norms) with signed costs, from begins[r] on,
// and is drawn to its row of (start_ptr, start_inputs, start_values) and to bias[r]. Visit k of pass
// q is of example (firsts[q * n_rows + r] + k * strides[q * n_rows + r]) mod m of its own. Kept are
// the limits[r] largest weights. Written: duals and bias, in place; from places[r] on, in any order,
// keys_out (see key_of) and kept; and how many, n_kept[r].
//
// Of its own each block has weights (n,) and marks (n,), zeros before and after, and met (n,).
extern "C" __global__ void solve_rows(
    i64 n_rows, const i64* ptr, const int* inputs, const float* values, const float* norms,
    const i64* begins, const int* examples, const float* costs,
    const i64* start_ptr, const int* start_inputs, const float* start_values,
    const i64* firsts, const i64* strides, i64 passes, float constant,
    const i64* limits, const i64* places,
    i64 n, float* all_weights, int* all_marks, int* all_met,
    float* duals, float* bias, u64* keys_out, float* kept, i64* n_kept) {
    __shared__ int n_met, n_out;
    float* weights = all_weights + blockIdx.x * n;
    int* marks = all_marks + blockIdx.x * n;
    int* met = all_met + blockIdx.x * n;
    const float square = constant * constant;
    for (i64 r = blockIdx.x; r < n_rows; r += gridDim.x) {
        const i64 first = begins[r], m = begins[r + 1] - first;
        float b = bias[r];
        if (threadIdx.x == 0) n_met = n_out = 0;
        __syncthreads();
        for (i64 p = start_ptr[r] + threadIdx.x; p < start_ptr[r + 1]; p += blockDim.x) {
            weights[start_inputs[p]] = start_values[p];
            marks[start_inputs[p]] = 1;
            met[atomicAdd(&n_met, 1)] = start_inputs[p];
        }
        __syncthreads();
        for (i64 e = first; e < first + m; ++e) {
            const float signed_dual = costs[e] > 0 ? duals[e] : -duals[e];
            const i64 end = ptr[examples[e] + 1];
            for (i64 p = ptr[examples[e]] + threadIdx.x; p < end; p += blockDim.x) {
                const int f = inputs[p];
                weights[f] += signed_dual * values[p];
                if (!marks[f]) met[atomicAdd(&n_met, 1)] = f;
                marks[f] = 1;
            }
            b += square * signed_dual;
            __syncthreads();
        }
        for (i64 visit = 0; visit < passes * m; ++visit) {
            const i64 order = visit / m * n_rows + r;
            const i64 e = first + (firsts[order] + visit % m * strides[order]) % m, i = examples[e];
            const float before = duals[e], slack = 0.5f / fabsf(costs[e]);
            const float side = costs[e] > 0 ? 1.0f : -1.0f;
            float score = 0;
            for (i64 p = ptr[i] + threadIdx.x; p < ptr[i + 1]; p += blockDim.x)
                score += weights[inputs[p]] * values[p];
            score = sum_of_block(score) + b;
            const float gradient = side * score - 1 + slack * before;
            const float dual = fmaxf(before - gradient / (norms[i] + square + slack), 0.0f);
            const float step = side * (dual - before);
            for (i64 p = ptr[i] + threadIdx.x; p < ptr[i + 1]; p += blockDim.x)
                weights[inputs[p]] += step * values[p];
            b += square * step;
            if (threadIdx.x == 0) duals[e] = dual;
            __syncthreads();
        }
        const int n_weights = n_met;
        const auto key = [=](i64 t) { return key_of(fabsf(weights[met[t]]), met[t]); };
        const i64 limit = limits[r];
        const u64 least = n_weights > limit && limit > 0 ? nth_largest(key, n_weights, limit) : 1;
        for (int t = threadIdx.x; limit > 0 && t < n_weights; t += blockDim.x) {
            const u64 one = key(t);
            if (one >= least) {
                const i64 place = places[r] + atomicAdd(&n_out, 1);
                keys_out[place] = one;
                kept[place] = weights[met[t]];
            }
        }
        __syncthreads();
        for (int t = threadIdx.x; t < n_weights; t += blockDim.x)
            weights[met[t]] = marks[met[t]] = 0;
        if (threadIdx.x == 0) {
            n_kept[r] = n_out;
            bias[r] = b;
        }
    }
}
