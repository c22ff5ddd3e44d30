// Products of two sparse matrices.

#define MET 5.87747175e-39f  // stands for a sum of 0, so that 0 means: not met

// out[e] = x[rows[e]] . w[columns[e]], both sparse: a warp for each of n_entries, whose lanes look
// the inputs of the example up in the row of the neuron.
extern "C" __global__ void sparse_dots(
    const i64* rows, const int* columns, i64 n_entries,
    const i64* x_ptr, const int* x_inputs, const float* x_values,
    const i64* w_ptr, const int* w_inputs, const float* w_values, float* out) {
    const i64 e = ((i64)blockIdx.x * blockDim.x + threadIdx.x) >> 5;
    if (e >= n_entries) return;
    const i64 first = w_ptr[columns[e]], last = w_ptr[columns[e] + 1], end = x_ptr[rows[e] + 1];
    const int lane = threadIdx.x & 31;
    float total = 0;
    for (i64 p = x_ptr[rows[e]] + lane; p < end; p += 32) {
        const i64 q = place_of(w_inputs, first, last, x_inputs[p]);
        if (q >= 0) total += x_values[p] * w_values[q];
    }
    total = sum_of_warp(total);
    if (lane == 0) out[e] = total;
}

// One Adagrad step: a block for each neuron neurons[b], whose threads own entries of its row. The
// examples of neuron b, and its gradient in each, are examples and dz from begins[b] on.
extern "C" __global__ void update_entries(
    const i64* begins, const int* neurons, const i64* examples, const float* dz,
    const i64* x_ptr, const int* x_inputs, const float* x_values,
    const i64* w_ptr, const int* w_inputs, float* w_values, float* square, float lr) {
    const i64 end = w_ptr[neurons[blockIdx.x] + 1];
    for (i64 p = w_ptr[neurons[blockIdx.x]] + threadIdx.x; p < end; p += blockDim.x) {
        float g = 0;
        for (i64 e = begins[blockIdx.x]; e < begins[blockIdx.x + 1]; ++e) {
            const i64 i = examples[e];
            const i64 q = place_of(x_inputs, x_ptr[i], x_ptr[i + 1], w_inputs[p]);
            if (q >= 0) g += dz[e] * x_values[q];
        }
        if (g == 0) continue;
        square[p] += g * g;
        w_values[p] -= lr * g / sqrtf(square[p]);
    }
}

// A block adds up sparse rows and keeps the best cells of the sum, of one result after the other.
//
// Result r is the sum over the terms e, from begins[r] on, of weights[e] times the sparse row
// terms[e] of (ptr, cells, values), without the cells that row names[r] (r, where names is null) of
// (excluded_ptr, excluded) has. Kept are the limits[r] best cells: with base those of largest
// base + sum, else those of largest |sum|. Written from places[r] on, in any order: keys_out, which
// decide (see key_of), and, unless null, sums; and how many, n_kept[r].
//
// A row has no cell twice, so within one no two threads meet. Of its own each block has totals (n,),
// zeros before and after, and met (n,).
extern "C" __global__ void add_up(
    i64 n_results, const i64* begins, const i64* terms, const float* weights,
    const i64* ptr, const int* cells, const float* values,
    const int* names, const i64* excluded_ptr, const int* excluded,
    const float* base, const i64* limits, const i64* places,
    i64 n, float* all_totals, int* all_met, u64* keys_out, float* sums, i64* n_kept) {
    __shared__ int n_met, n_valid, n_out;
    float* totals = all_totals + blockIdx.x * n;
    int* met = all_met + blockIdx.x * n;
    for (i64 r = blockIdx.x; r < n_results; r += gridDim.x) {
        if (threadIdx.x == 0) n_met = n_valid = n_out = 0;
        __syncthreads();
        for (i64 e = begins[r]; e < begins[r + 1]; ++e) {
            const i64 end = ptr[terms[e] + 1];
            for (i64 p = ptr[terms[e]] + threadIdx.x; p < end; p += blockDim.x) {
                const int j = cells[p];
                const float before = totals[j], total = before + weights[e] * values[p];
                totals[j] = total != 0 ? total : MET;
                if (before == 0) met[atomicAdd(&n_met, 1)] = j;
            }
            __syncthreads();
        }
        const i64 name = names ? names[r] : r;
        for (i64 e = excluded_ptr[name] + threadIdx.x; e < excluded_ptr[name + 1]; e += blockDim.x)
            totals[excluded[e]] = 0;
        __syncthreads();
        const int m = n_met;
        for (int t = threadIdx.x; t < m; t += blockDim.x)
            if (totals[met[t]] != 0) atomicAdd(&n_valid, 1);
        const auto sum_of = [=](int j) { return totals[j] != MET ? totals[j] : 0.0f; };
        const auto key = [=](i64 t) -> u64 {
            const int j = met[t];
            if (totals[j] == 0) return 0;  // excluded
            return key_of(base ? sum_of(j) + base[j] : fabsf(sum_of(j)), j);
        };
        __syncthreads();
        const i64 limit = limits[r];
        const u64 least = n_valid > limit && limit > 0 ? nth_largest(key, m, limit) : 1;
        for (int t = threadIdx.x; limit > 0 && t < m; t += blockDim.x) {
            const u64 one = key(t);
            if (one >= least) {
                const i64 place = places[r] + atomicAdd(&n_out, 1);
                keys_out[place] = one;
                if (sums) sums[place] = sum_of(met[t]);
            }
        }
        __syncthreads();
        for (int t = threadIdx.x; t < m; t += blockDim.x) totals[met[t]] = 0;
        if (threadIdx.x == 0) n_kept[r] = n_out;
    }
}
