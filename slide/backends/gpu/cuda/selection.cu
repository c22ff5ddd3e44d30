// The best of a row of scores.

// keys_out (R, k): keys (see key_of) of the k largest scores of each row, in any order, in places
// that are 0 before. Row r has the scores of begins[r] to begins[r + 1], and ids or, where ids is
// null, the numbers 0, 1, ...
extern "C" __global__ void best_of_rows(
    const i64* begins, const float* scores, const int* ids, i64 k, u64* keys_out) {
    __shared__ int n_kept;
    const i64 first = begins[blockIdx.x], m = begins[blockIdx.x + 1] - first;
    const auto key = [=](i64 t) { return key_of(scores[first + t], ids ? ids[first + t] : (int)t); };
    if (threadIdx.x == 0) n_kept = 0;
    const u64 least = m > k ? nth_largest(key, m, k) : 0;
    __syncthreads();
    for (i64 t = threadIdx.x; t < m; t += blockDim.x) {
        const u64 one = key(t);
        if (one >= least) keys_out[blockIdx.x * k + atomicAdd(&n_kept, 1)] = one;
    }
}
