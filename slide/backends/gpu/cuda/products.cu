// Products of sparse and dense matrices.

// out[r] = sum over the entries e of row r of values[e] * w[columns[e]]: a block for each row, whose
// threads own coordinates. indptr (R + 1,), w (n, d), out (R, d).
extern "C" __global__ void sum_rows(
    const i64* indptr, const int* columns, const float* values, const float* w, i64 d, float* out) {
    const i64 r = blockIdx.x, first = indptr[r], last = indptr[r + 1];
    for (i64 c = threadIdx.x; c < d; c += blockDim.x) {
        float total = 0;
        for (i64 e = first; e < last; ++e) total += values[e] * w[columns[e] * d + c];
        out[r * d + c] = total;
    }
}

// out[e] = h[rows[e]] . w[columns[e]]: a warp for each of n_entries. h (B, d), w (n, d).
extern "C" __global__ void dots(
    const i64* rows, const int* columns, i64 n_entries, const float* h, const float* w, i64 d,
    float* out) {
    const i64 e = ((i64)blockIdx.x * blockDim.x + threadIdx.x) >> 5;
    if (e >= n_entries) return;
    const float *a = h + rows[e] * d, *b = w + columns[e] * d;
    const int lane = threadIdx.x & 31;
    float total = 0;
    for (i64 c = lane; c < d; c += 32) total += a[c] * b[c];
    total = sum_of_warp(total);
    if (lane == 0) out[e] = total;
}
