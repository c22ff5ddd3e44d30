// One step on the rows of a weight that a gradient touches: a block for each, whose threads own
// coordinates. rows (R,), g (R, d), weight (n, d).

extern "C" __global__ void adam_rows(
    const int* rows, const float* g, i64 d, float* weight, float* mean, float* square,
    float kept, float rate1, float rate2, float step_size, float epsilon) {
    for (i64 c = threadIdx.x; c < d; c += blockDim.x) {
        const float slope = g[blockIdx.x * d + c];
        const i64 p = rows[blockIdx.x] * d + c;
        const float m = mean[p] + rate1 * (slope - mean[p]);
        const float s = square[p] + rate2 * (slope * slope - square[p]);
        mean[p] = m;
        square[p] = s;
        weight[p] = kept * weight[p] - step_size * m / (sqrtf(s) + epsilon);
    }
}

// square (n, 1); launched with 32 threads, a warp.
extern "C" __global__ void adagrad_rows(
    const int* rows, const float* g, i64 d, float* weight, float* square,
    float kept, float lr, float epsilon) {
    const i64 r = rows[blockIdx.x];
    float total = 0;
    for (i64 c = threadIdx.x; c < d; c += 32) {
        const float slope = g[blockIdx.x * d + c];
        total += slope * slope;
    }
    total = __shfl_sync(ALL_LANES, sum_of_warp(total), 0);
    const float s = square[r] + (d > 0 ? total / d : 0.0f);
    __syncwarp();
    if (threadIdx.x == 0) square[r] = s;
    for (i64 c = threadIdx.x; c < d; c += 32) {
        const float move = lr * g[blockIdx.x * d + c] / (sqrtf(s) + epsilon);
        weight[r * d + c] = kept * weight[r * d + c] - move;
    }
}

extern "C" __global__ void sgd_rows(
    const int* rows, const float* g, i64 d, float* weight, float kept, float lr) {
    for (i64 c = threadIdx.x; c < d; c += blockDim.x) {
        const i64 p = rows[blockIdx.x] * d + c;
        weight[p] = kept * weight[p] - lr * g[blockIdx.x * d + c];
    }
}
