/* Undo the line filters of a PNG, and draw the runs of a COCO RLE.
 *
 * The fast twin of png.py and rle.py, which do the same with NumPy, and say what is wrong with a damaged file: here it
 * is only found. Plain C and the stable ABI of Python 3.11, without headers of NumPy: arrays come through the buffer
 * protocol.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NO_FILTER, SUB, UP, AVERAGE, PAETH };

/* ---- line filters ---- */

/* The neighbour, to the left, above, or above to the left, that is closest to left + up - corner. */
static uint8_t predict_paeth(int left, int up, int corner)
{
    int to_left = abs(up - corner), to_up = abs(left - corner), to_corner = abs(left + up - 2 * corner);
    if (to_left <= to_up && to_left <= to_corner)
        return (uint8_t)left;
    return (uint8_t)(to_up <= to_corner ? up : corner);
}

/* Undo the filter of a line. above: the pixels of the line before it. Returns -1 for an unknown filter. */
static int unfilter_line(int filter, const uint8_t *rest, const uint8_t *above, uint8_t *pixels, size_t width)
{
    uint8_t left = 0, corner = 0;
    switch (filter) {
    case NO_FILTER:
        memcpy(pixels, rest, width);
        return 0;
    case SUB:
        for (size_t x = 0; x < width; x++)
            pixels[x] = left = (uint8_t)(rest[x] + left);
        return 0;
    case UP:
        for (size_t x = 0; x < width; x++)
            pixels[x] = (uint8_t)(rest[x] + above[x]);
        return 0;
    case AVERAGE:
        for (size_t x = 0; x < width; x++)
            pixels[x] = left = (uint8_t)(rest[x] + (left + above[x]) / 2);
        return 0;
    case PAETH:
        for (size_t x = 0; x < width; x++) {
            pixels[x] = left = (uint8_t)(rest[x] + predict_paeth(left, above[x], corner));
            corner = above[x];
        }
        return 0;
    default:
        return -1;
    }
}

static const char unfilter_text[] =
    "unfilter(lines, pixels)\n--\n\n"
    "Undo the filters of the lines of a PNG of one byte a pixel, or of several pixels a byte.\n\n"
    "lines: bytes, each line the number of its filter and then its pixels. pixels: uint8[H, W], contiguous, which is\n"
    "filled. Returns whether all filters are known. Raises ValueError for arrays of another kind.";

static PyObject *unfilter(PyObject *module, PyObject *arguments)
{
    PyObject *given_lines, *given_pixels, *result = NULL;
    Py_buffer lines = {0}, pixels = {0};
    uint8_t *zeros = NULL;
    int failed = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OO", &given_lines, &given_pixels) ||
        PyObject_GetBuffer(given_lines, &lines, PyBUF_SIMPLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(given_pixels, &pixels, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0)
        goto end;
    if (pixels.ndim != 2 || pixels.itemsize != 1 || lines.len != pixels.len + pixels.shape[0]) {
        PyErr_SetString(PyExc_ValueError, "expected lines of 1 + W bytes, and pixels uint8[H, W]");
        goto end;
    }
    size_t height = (size_t)pixels.shape[0], width = (size_t)pixels.shape[1];
    zeros = calloc(width + 1, 1);
    if (!zeros) {
        PyErr_NoMemory();
        goto end;
    }
    const uint8_t *line = lines.buf, *above = zeros;
    uint8_t *row = pixels.buf;
    Py_BEGIN_ALLOW_THREADS
    for (size_t y = 0; y < height && !failed; y++) {
        failed = unfilter_line(line[0], line + 1, above, row, width);
        above = row;
        line += width + 1;
        row += width;
    }
    Py_END_ALLOW_THREADS
    result = PyBool_FromLong(!failed);
end:
    free(zeros);
    if (pixels.obj)
        PyBuffer_Release(&pixels);
    PyBuffer_Release(&lines);
    return result;
}

/* ---- run-length codes ---- */

/* Where a mask is drawn: [height, width] of 1 or 2 bytes, in which a pixel says what changes from the one above it. */
typedef struct {
    char *pixels;
    Py_ssize_t row_step;
    int64_t height, width;
    int bytes;
    uint16_t value;
} Changes;

static void change_pixel(const Changes *changes, int64_t row, int64_t column)
{
    char *at = changes->pixels + row * changes->row_step + column * changes->bytes;
    if (changes->bytes == 1) {
        *at = (char)((uint8_t)*at ^ (uint8_t)changes->value);
    } else {
        uint16_t pixel;
        memcpy(&pixel, at, 2);
        pixel = (uint16_t)(pixel ^ changes->value);
        memcpy(at, &pixel, 2);
    }
}

/* Draw a run, [start, end) of the pixels down the columns. column, top: of `start`, moved on to `end`. */
static void draw_run(const Changes *changes, int64_t length, int64_t *column, int64_t *top)
{
    int64_t height = changes->height;
    while (length > 0) {
        int64_t bottom = *top + length < height ? *top + length : height;
        change_pixel(changes, *top, *column);
        if (bottom < height)
            change_pixel(changes, bottom, *column);
        length -= bottom - *top;
        *column += bottom == height;
        *top = bottom == height ? 0 : bottom;
    }
}

/* Read the next number of a string. Returns -1 if it is damaged. most: characters of a number. */
static int read_number(const uint8_t **at, const uint8_t *end, int most, int64_t *number)
{
    uint64_t bits = 0;
    for (int i = 0; i < most && *at < end; i++) {
        int group = *(*at)++ - 48;
        if (group < 0 || group >= 64)
            return -1;
        bits |= (uint64_t)(group & 31) << (5 * i);
        if (group < 32) {
            *number = (int64_t)bits - ((group & 16) ? (int64_t)1 << (5 * (i + 1)) : 0);
            return 0;
        }
    }
    return -1;
}

/* Draw all runs of a string. Returns the area of the mask, or -1 if the string is damaged; then it is half drawn. */
static int64_t draw_string(const Changes *changes, const uint8_t *text, Py_ssize_t length)
{
    const uint8_t *at = text, *end = text + length;
    int64_t left = changes->height * changes->width, area = 0, column = 0, top = 0, before[2] = {0, 0};
    for (int64_t i = 0; at < end; i++) {
        int64_t count;
        if (read_number(&at, end, 7, &count))
            return -1;
        if (i > 2)
            count += before[i % 2];
        before[i % 2] = count;
        if (count < 0 || count > left)
            return -1;
        left -= count;
        if (i % 2) {
            area += count;
            draw_run(changes, count, &column, &top);
        } else {
            column += (top + count) / changes->height;
            top = (top + count) % changes->height;
        }
    }
    return left ? -1 : area;
}

static const char draw_runs_text[] =
    "draw_runs(counts, changes, value)\n--\n\n"
    "Draw the mask whose COCO RLE has these compressed counts, as changes down the columns.\n\n"
    "changes: uint8 or uint16[H, W], contiguous in each row. It is combined with `value` by exclusive or at each pixel of\n"
    "the mask below one that is not, and the reverse: accumulated down the columns it shows the mask. Returns the area of\n"
    "the mask; -1 if the counts are damaged, when `changes` is of no use any more. Raises ValueError for arrays of another\n"
    "kind.";

static PyObject *draw_runs(PyObject *module, PyObject *arguments)
{
    PyObject *given_counts, *given_changes, *result = NULL;
    Py_buffer counts = {0}, changes = {0};
    Py_ssize_t value;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OOn", &given_counts, &given_changes, &value) ||
        PyObject_GetBuffer(given_counts, &counts, PyBUF_SIMPLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(given_changes, &changes, PyBUF_STRIDES | PyBUF_WRITABLE) < 0)
        goto end;
    if (changes.ndim != 2 || changes.itemsize < 1 || changes.itemsize > 2 || changes.shape[0] < 1 ||
        changes.shape[1] < 1 || (changes.shape[1] > 1 && changes.strides[1] != changes.itemsize) ||
        changes.shape[0] >= INT32_MAX || changes.shape[1] >= INT32_MAX || value < 0 ||
        value >= (Py_ssize_t)1 << (8 * changes.itemsize)) {
        PyErr_SetString(PyExc_ValueError, "expected changes [H, W] of 1 or 2 bytes, and a value that fits them");
        goto end;
    }
    Changes drawn = {changes.buf,      changes.strides[0],    changes.shape[0],
                     changes.shape[1], (int)changes.itemsize, (uint16_t)value};
    int64_t area;
    Py_BEGIN_ALLOW_THREADS
    area = draw_string(&drawn, counts.buf, counts.len);
    Py_END_ALLOW_THREADS
    result = PyLong_FromLongLong(area);
end:
    if (changes.obj)
        PyBuffer_Release(&changes);
    PyBuffer_Release(&counts);
    return result;
}

/* ---- the module ---- */

static PyMethodDef methods[] = {
    {"unfilter", unfilter, METH_VARARGS, unfilter_text},
    {"draw_runs", draw_runs, METH_VARARGS, draw_runs_text},
    {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot module_slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_decoding", "Decode masks.", 0, methods, module_slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__decoding(void)
{
    return PyModuleDef_Init(&definition);
}
