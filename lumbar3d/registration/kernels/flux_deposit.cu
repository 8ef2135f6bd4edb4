// Image columns of the flux Jacobian: one thread per vertex of an image and parameter, float atomics. See flux.deposit.

// Quadratic B-spline weight of one of the three cells around a point, offset in [-0.5, 0.5].
__device__ static float spline(float offset, int cell) {
    if (cell == 1) return 0.75f - offset * offset;
    const float from_edge = cell == 0 ? 0.5f - offset : 0.5f + offset;
    return 0.5f * from_edge * from_edge;
}

// Spread scale * motion of every vertex over 3 x 3 cells of its image.
//   motion   (n / views, V, P)       flux of each vertex for a unit of each parameter; all views of a level share it
//   scale    (n, V)                  opacity x px^2 per unit of flux
//   pixels   (n, V, 2)               column and row among the cells
//   factor   (n, rows, columns)      multiplies each cell
//   image    (n, rows, columns, P)   is added to
extern "C" __global__ void flux_deposit(const float* motion, const float* scale, const float* pixels,
                                        const float* factor, float* image, int images, int views, int vertices,
                                        int parameters, int rows, int columns) {
    const long long thread = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= (long long)images * vertices * parameters) return;
    const int parameter = (int)(thread % parameters);
    const long long point = thread / parameters;
    const int target = (int)(point / vertices);
    const int vertex = (int)(point % vertices);
    const float moved = motion[((long long)(target / views) * vertices + vertex) * parameters + parameter];
    const float flux = moved * scale[point];
    const float u = pixels[2 * point], v = pixels[2 * point + 1];
    const int column = (int)floorf(u + 0.5f), row = (int)floorf(v + 0.5f);
    for (int i = 0; i < 3; ++i) {
        const int r = row + i - 1;
        if (r < 0 || r >= rows) continue;
        const float down = spline(v - row, i);
        for (int j = 0; j < 3; ++j) {
            const int c = column + j - 1;
            if (c < 0 || c >= columns) continue;
            const long long cell = ((long long)target * rows + r) * columns + c;
            atomicAdd(image + cell * parameters + parameter, flux * down * spline(u - column, j) * factor[cell]);
        }
    }
}
