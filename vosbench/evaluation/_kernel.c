/* Compare the objects of two label maps: areas, and the pixels of their boundaries that lie near each other.
 *
 * The fast twin of metrics.py and boundary.py, whose docstrings define what is counted; both give the same integers.
 * A label map is read once, as runs of equal values. Each object is then drawn into a bitmap of the box around it, one
 * bit a pixel, in which 64 pixels of a boundary are found, dilated and matched at once. Plain C and the stable ABI of
 * Python 3.11, without headers of NumPy: arrays come through the buffer protocol.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define VALUES 65536

/* A label map [height, width] of 1 or 2 bytes a pixel. slots: of each value, the number of its object from 1; else 0. */
typedef struct {
    const char *pixels;
    Py_ssize_t row_step;
    int bytes;
    const uint16_t *slots;
    uint8_t *shown; /* of each value, whether it occurs */
} Map;

/* A run of pixels of one object in a row, [start, end). next: the object's next run in the same map. */
typedef struct {
    uint32_t row, start, end, next;
} Run;

/* An object in one map: its list of runs, its area, and the box around it. */
typedef struct {
    uint32_t first, last, top, bottom, left, right;
    int64_t area;
} Object;

typedef struct {
    Run *runs;
    size_t count, room;
} Runs;

/* A row of a disk: the pixels [first, last] to the side, `dy` rows below. The rows are ordered by their lengths. */
typedef struct {
    int32_t dy, first, last;
} DiskRow;

typedef struct {
    const DiskRow *rows;
    size_t count;
} Disk;

/* Boundaries of both maps, in rows of `words` words, and room for what is computed of them. */
typedef struct {
    uint64_t *words;
    size_t room;
} Scratch;

/* ---- runs ---- */

static uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The end of the run of equal pixels that begins at `x`. pattern: the pixel's value, repeated in a word. */
static uint32_t find_run_end(const char *row, uint32_t x, uint32_t width, size_t bytes, uint64_t pattern)
{
    const char *at = row + (size_t)x * bytes, *end = row + (size_t)width * bytes;
    while (end - at >= 64) {
        uint64_t differing = 0;
        for (int i = 0; i < 8; i++)
            differing |= load_word(at + 8 * i) ^ pattern;
        if (differing)
            break;
        at += 64;
    }
    while (end - at >= 8 && load_word(at) == pattern)
        at += 8;
    if (bytes == 1)
        while (at < end && (uint8_t)*at == (uint8_t)pattern)
            at++;
    else
        while (at < end && memcmp(at, &pattern, 2) == 0)
            at += 2;
    return (uint32_t)((size_t)(at - row) / bytes);
}

static int add_run(Runs *runs, Object *object, uint32_t row, uint32_t start, uint32_t end)
{
    if (runs->count == runs->room) {
        size_t room = runs->room ? 2 * runs->room : 4096;
        Run *grown = room < NONE ? realloc(runs->runs, room * sizeof *grown) : NULL;
        if (!grown)
            return -1;
        runs->runs = grown;
        runs->room = room;
    }
    uint32_t number = (uint32_t)runs->count++;
    runs->runs[number] = (Run){row, start, end, NONE};
    if (object->first == NONE) {
        *object = (Object){number, number, row, row + 1, start, end, 0};
    } else {
        runs->runs[object->last].next = number;
        object->last = number;
        object->bottom = row + 1;
        if (start < object->left)
            object->left = start;
        if (end > object->right)
            object->right = end;
    }
    object->area += end - start;
    return 0;
}

/* Find the runs of all objects of a map. objects: one a slot. Returns -1 if memory runs out. */
static int find_runs(const Map *map, uint32_t height, uint32_t width, Object *objects, Runs *runs)
{
    for (uint32_t y = 0; y < height; y++) {
        const char *row = map->pixels + (Py_ssize_t)y * map->row_step;
        for (uint32_t x = 0; x < width;) {
            uint16_t value;
            uint64_t pattern;
            if (map->bytes == 1) {
                value = (uint8_t)row[x];
                pattern = value * UINT64_C(0x0101010101010101);
            } else {
                memcpy(&value, row + 2 * (size_t)x, 2);
                pattern = value * UINT64_C(0x0001000100010001);
            }
            uint32_t end = find_run_end(row, x, width, (size_t)map->bytes, pattern);
            uint16_t slot = map->slots[value];
            map->shown[value] = 1;
            if (slot && add_run(runs, &objects[slot - 1], y, x, end))
                return -1;
            x = end;
        }
    }
    return 0;
}

/* ---- rows of bits; pixel x is bit x % 64 of word x / 64 ---- */

static int64_t count_bits(const uint64_t *words, size_t count)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = words[i];
        word -= (word >> 1) & UINT64_C(0x5555555555555555);
        word = (word & UINT64_C(0x3333333333333333)) + ((word >> 2) & UINT64_C(0x3333333333333333));
        word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
        total += (int64_t)((word * UINT64_C(0x0101010101010101)) >> 56);
    }
    return total;
}

static int64_t count_common_bits(const uint64_t *one, const uint64_t *other, size_t count)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t common = one[i] & other[i];
        if (common)
            total += count_bits(&common, 1);
    }
    return total;
}

static int has_bits(const uint64_t *words, size_t count)
{
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++)
        any |= words[i];
    return any != 0;
}

static void set_bits(uint64_t *words, uint32_t start, uint32_t end)
{
    size_t first = start / 64, last = (end - 1) / 64;
    uint64_t head = ~UINT64_C(0) << (start % 64), tail = ~UINT64_C(0) >> (63 - (end - 1) % 64);
    if (first == last) {
        words[first] |= head & tail;
        return;
    }
    words[first] |= head;
    for (size_t i = first + 1; i < last; i++)
        words[i] = ~UINT64_C(0);
    words[last] |= tail;
}

/* to[x] |= from[x + by], where pixels beyond either end are 0. `to` may be `from`. */
static void or_from_right(uint64_t *to, const uint64_t *from, size_t count, uint32_t by)
{
    size_t skip = by / 64, bits = by % 64;
    if (skip >= count)
        return;
    for (size_t i = 0; i + skip + 1 < count; i++)
        to[i] |= bits ? from[i + skip] >> bits | from[i + skip + 1] << (64 - bits) : from[i + skip];
    to[count - 1 - skip] |= from[count - 1] >> bits;
}

/* to[x] = from[x - by], where pixels before the start are 0. */
static void copy_from_left(uint64_t *to, const uint64_t *from, size_t count, uint32_t by)
{
    size_t skip = by / 64, bits = by % 64;
    for (size_t i = 0; i < skip && i < count; i++)
        to[i] = 0;
    if (skip >= count)
        return;
    to[skip] = from[0] << bits;
    for (size_t i = skip + 1; i < count; i++)
        to[i] = bits ? from[i - skip] << bits | from[i - skip - 1] >> (64 - bits) : from[i - skip];
}

/* ---- one object ---- */

/* The box around an object in both maps, with the row above and the column to its left, where its boundary may lie. */
typedef struct {
    uint32_t top, bottom, left, right;
    uint32_t margin; /* empty columns before the box, as far as a disk reaches */
    size_t words;    /* of a row */
} Box;

/* Draw an object, then replace it by its boundary. rows: one more than the box has. */
static void draw_boundary(
    uint64_t *rows, const Run *runs, const Object *object, const Box *box, uint32_t height, uint32_t width)
{
    size_t words = box->words;
    uint32_t count = box->bottom - box->top;
    memset(rows, 0, (count + 1) * words * sizeof *rows);
    for (uint32_t i = object->first; i != NONE; i = runs[i].next) {
        uint32_t shift = box->margin - box->left; /* may wrap around, and back */
        uint64_t *row = rows + (size_t)(runs[i].row - box->top) * words;
        set_bits(row, runs[i].start + shift, runs[i].end + shift);
        if (runs[i].end == width) /* beyond the last column the mask goes on as it ends */
            set_bits(row, width + shift, width + shift + 1);
    }
    if (box->bottom == height)
        memcpy(rows + count * words, rows + (count - 1) * words, words * sizeof *rows);
    uint32_t start = box->margin, end = start + box->right - box->left;
    for (uint32_t y = 0; y < count; y++) {
        uint64_t *row = rows + (size_t)y * words, *below = row + words;
        for (size_t i = 0; i < words; i++) {
            uint64_t right = row[i] >> 1, diagonal = below[i] >> 1;
            if (i + 1 < words) {
                right |= row[i + 1] << 63;
                diagonal |= below[i + 1] << 63;
            }
            row[i] = (row[i] ^ right) | (row[i] ^ below[i]) | (row[i] ^ diagonal);
        }
        for (size_t i = 0; i < start / 64; i++)
            row[i] = 0;
        row[start / 64] &= ~UINT64_C(0) << (start % 64);
        row[end / 64] &= ~(~UINT64_C(0) << (end % 64));
        for (size_t i = end / 64 + 1; i < words; i++)
            row[i] = 0;
    }
}

/* Bit x: whether any of the `length` <= 65 pixels from 64 + first + x on is set, in a row of three words. */
static uint64_t find_window(const uint64_t three[3], int32_t first, uint32_t length)
{
    uint32_t at = (uint32_t)(64 + first), bits = at % 64, reached = 1;
    const uint64_t *from = three + at / 64;
    uint64_t none[2] = {0, 0}, low = from[0], high = at < 128 ? from[1] : none[0];
    if (bits) {
        low = low >> bits | high << (64 - bits);
        high = high >> bits | (at < 64 ? three[2] << (64 - bits) : 0);
    }
    while (reached < length) {
        uint32_t step = reached < length - reached ? reached : length - reached;
        low |= low >> step | high << (64 - step);
        high |= high >> step;
        reached += step;
    }
    return low;
}

/* Of each row, all rows of `others` that the disk can reach from there, laid upon each other. near: as many rows. */
static void lay_rows_upon_each_other(
    const uint64_t *others, uint64_t *near, uint32_t count, size_t words, const Disk *disk)
{
    int32_t above = 0, below = 0;
    for (size_t i = 0; i < disk->count; i++) {
        above = disk->rows[i].dy < above ? disk->rows[i].dy : above;
        below = disk->rows[i].dy > below ? disk->rows[i].dy : below;
    }
    memset(near, 0, count * words * sizeof *near);
    for (uint32_t y = 0; y < count; y++) {
        int64_t start = (int64_t)y - below, end = (int64_t)y - above;
        start = start < 0 ? 0 : start;
        end = end < count ? end : (int64_t)count - 1;
        if (!has_bits(others + y * words, words))
            continue;
        for (int64_t to = start; to <= end; to++)
            for (size_t j = 0; j < words; j++)
                near[(size_t)to * words + j] |= others[y * words + j];
    }
}

/* The pixels of `edges` that the disk reaches from a pixel of `others`; the disk reaches at most 64 pixels aside. */
static int64_t count_matches(
    const uint64_t *edges, const uint64_t *others, uint64_t *near, uint32_t count, size_t words, const Disk *disk)
{
    int64_t total = 0;
    lay_rows_upon_each_other(others, near, count, words, disk);
    for (uint32_t y = 0; y < count; y++) {
        const uint64_t *reachable = near + y * words;
        for (size_t j = 0; j < words; j++) {
            uint64_t edge = edges[y * words + j], left = edge;
            if (!edge || !((j ? reachable[j - 1] : 0) | reachable[j] | (j + 1 < words ? reachable[j + 1] : 0)))
                continue;
            for (size_t i = disk->count; left && i-- > 0;) { /* the longest rows first, which match most */
                DiskRow of = disk->rows[i];
                int64_t from = (int64_t)y + of.dy;
                if (from < 0 || from >= count)
                    continue;
                const uint64_t *row = others + (size_t)from * words;
                const uint64_t three[3] = {j ? row[j - 1] : 0, row[j], j + 1 < words ? row[j + 1] : 0};
                if (!(three[0] | three[1] | three[2]))
                    continue;
                uint32_t length = (uint32_t)(of.last - of.first) + 1, part = length < 65 ? length : 65;
                left &= ~find_window(three, of.first, part);
                if (length > part)
                    left &= ~find_window(three, of.first + (int32_t)part, length - part);
            }
            edge &= ~left;
            total += count_bits(&edge, 1);
        }
    }
    return total;
}

/* The same for a disk of any size. near: as many rows as `edges`. spare: two rows. */
static int64_t count_far_matches(
    const uint64_t *edges, const uint64_t *others, uint64_t *near, uint64_t *spare, uint32_t count, size_t words,
    const Disk *disk)
{
    uint64_t *run = spare, *shifted = spare + words;
    memset(near, 0, count * words * sizeof *near);
    for (uint32_t y = 0; y < count; y++) {
        const uint64_t *row = others + y * words;
        uint32_t length = 1;
        if (!has_bits(row, words))
            continue;
        memcpy(run, row, words * sizeof *run); /* whether any of the next `length` pixels is set */
        for (size_t i = 0; i < disk->count; i++) {
            DiskRow of = disk->rows[i];
            uint32_t needed = (uint32_t)(of.last - of.first) + 1;
            int is_new = i == 0 || of.first != disk->rows[i - 1].first || of.last != disk->rows[i - 1].last;
            while (length < needed) {
                uint32_t step = length < needed - length ? length : needed - length;
                or_from_right(run, run, words, step);
                length += step;
            }
            if (is_new && of.first <= 0) {
                copy_from_left(shifted, run, words, (uint32_t)-of.first);
            } else if (is_new) {
                memset(shifted, 0, words * sizeof *shifted);
                or_from_right(shifted, run, words, (uint32_t)of.first);
            }
            int64_t target = (int64_t)y - of.dy;
            if (target < 0 || target >= count)
                continue;
            uint64_t *reached = near + (size_t)target * words;
            for (size_t j = 0; j < words; j++)
                reached[j] |= shifted[j];
        }
    }
    return count_common_bits(edges, near, count * words);
}

static int64_t count_intersection(const Run *truth_runs, const Object *truth, const Run *guess_runs, const Object *guess)
{
    int64_t total = 0;
    uint32_t i = truth->first, j = guess->first;
    while (i != NONE && j != NONE) {
        Run a = truth_runs[i], b = guess_runs[j];
        if (a.row == b.row) {
            uint32_t start = a.start > b.start ? a.start : b.start, end = a.end < b.end ? a.end : b.end;
            if (start < end)
                total += end - start;
        }
        if (a.row < b.row || (a.row == b.row && a.end <= b.end))
            i = a.next;
        else
            j = b.next;
    }
    return total;
}

/* Whether a disk reaches farther aside than a word. */
static int is_wide(const Disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        if (disk->rows[i].first < -64 || disk->rows[i].last > 64)
            return 1;
    return 0;
}

static Box make_box(const Object *truth, const Object *guess, const Disk *disks, size_t disk_count)
{
    Box box = {NONE, 0, NONE, 0, 0, 0};
    const Object *both[] = {truth, guess};
    for (int i = 0; i < 2; i++) {
        if (both[i]->first == NONE)
            continue;
        box.top = both[i]->top < box.top ? both[i]->top : box.top;
        box.left = both[i]->left < box.left ? both[i]->left : box.left;
        box.bottom = both[i]->bottom > box.bottom ? both[i]->bottom : box.bottom;
        box.right = both[i]->right > box.right ? both[i]->right : box.right;
    }
    box.top -= box.top > 0;
    box.left -= box.left > 0;
    for (size_t i = 0; i < disk_count; i++)
        for (size_t j = 0; j < disks[i].count; j++)
            if (disks[i].rows[j].first < 0 && (uint32_t)-disks[i].rows[j].first > box.margin)
                box.margin = (uint32_t)-disks[i].rows[j].first;
    box.words = ((size_t)box.margin + (box.right - box.left) + 1 + 63) / 64;
    return box;
}

/* Count the boundaries of an object, and those of their pixels that each disk matches. counts: 2 + 2 for each disk. */
static int count_boundaries(
    const Run *truth_runs, const Object *truth, const Run *guess_runs, const Object *guess, uint32_t height,
    uint32_t width, const Disk *disks, size_t disk_count, Scratch *scratch, int64_t *counts)
{
    if (truth->first == NONE && guess->first == NONE)
        return 0;
    Box box = make_box(truth, guess, disks, disk_count);
    uint32_t rows = box.bottom - box.top;
    size_t plane = (rows + 1) * box.words, needed = 3 * plane + 2 * box.words;
    if (needed > scratch->room) {
        uint64_t *grown = realloc(scratch->words, needed * sizeof *grown);
        if (!grown)
            return -1;
        scratch->words = grown;
        scratch->room = needed;
    }
    uint64_t *in_truth = scratch->words, *in_guess = in_truth + plane, *near = in_guess + plane, *spare = near + plane;
    draw_boundary(in_truth, truth_runs, truth, &box, height, width);
    draw_boundary(in_guess, guess_runs, guess, &box, height, width);
    counts[0] = count_bits(in_truth, rows * box.words);
    counts[1] = count_bits(in_guess, rows * box.words);
    if (!counts[0] || !counts[1])
        return 0;
    for (size_t i = 0; i < disk_count; i++) {
        const Disk *disk = &disks[i];
        if (is_wide(disk)) {
            counts[2 + 2 * i] = count_far_matches(in_truth, in_guess, near, spare, rows, box.words, disk);
            counts[3 + 2 * i] = count_far_matches(in_guess, in_truth, near, spare, rows, box.words, disk);
        } else {
            counts[2 + 2 * i] = count_matches(in_truth, in_guess, near, rows, box.words, disk);
            counts[3 + 2 * i] = count_matches(in_guess, in_truth, near, rows, box.words, disk);
        }
    }
    return 0;
}

/* Compare all objects. counts: a row an object, as `compare` returns them. Returns -1 if memory runs out. */
static int compare_objects(
    const Map *truth, const Map *guess, uint32_t height, uint32_t width, size_t count, const Disk *disks,
    size_t disk_count, int64_t *counts)
{
    Object *objects = malloc(2 * (count ? count : 1) * sizeof *objects);
    Runs runs[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
    Scratch scratch = {NULL, 0};
    int failed = !objects;
    for (size_t i = 0; objects && i < 2 * count; i++)
        objects[i] = (Object){NONE, NONE, 0, 0, 0, 0, 0};
    failed = failed || find_runs(truth, height, width, objects, &runs[0]);
    failed = failed || (guess->pixels && find_runs(guess, height, width, objects + count, &runs[1]));
    for (size_t i = 0; !failed && i < count; i++) {
        const Object *in_truth = objects + i, *in_guess = objects + count + i;
        int64_t *row = counts + i * (5 + 2 * disk_count);
        row[0] = in_truth->area;
        row[1] = in_guess->area;
        row[2] = count_intersection(runs[0].runs, in_truth, runs[1].runs, in_guess);
        if (disk_count)
            failed = count_boundaries(
                runs[0].runs, in_truth, runs[1].runs, in_guess, height, width, disks, disk_count, &scratch, row + 3);
    }
    free(objects);
    free(runs[0].runs);
    free(runs[1].runs);
    free(scratch.words);
    return failed ? -1 : 0;
}

/* ---- the module ---- */

static int get_map(PyObject *from, PyObject *table, Py_ssize_t most, Py_buffer *pixels, Py_buffer *slots, Map *map)
{
    if (PyObject_GetBuffer(from, pixels, PyBUF_STRIDES) < 0)
        return -1;
    if (pixels->ndim != 2 || pixels->itemsize < 1 || pixels->itemsize > 2 ||
        (pixels->shape[0] && pixels->shape[1] > 1 && pixels->strides[1] != pixels->itemsize) ||
        pixels->shape[0] >= INT32_MAX || pixels->shape[1] >= INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "a label map is an array [H, W] of 1 or 2 bytes, contiguous in each row");
        return -1;
    }
    if (PyObject_GetBuffer(table, slots, PyBUF_SIMPLE) < 0)
        return -1;
    Py_ssize_t values = pixels->itemsize == 1 ? 256 : VALUES;
    if (slots->len != 2 * values) {
        PyErr_Format(PyExc_ValueError, "expected %zd slots of 2 bytes", values);
        return -1;
    }
    *map = (Map){pixels->buf, pixels->strides[0], (int)pixels->itemsize, slots->buf, NULL};
    for (Py_ssize_t i = 0; i < values; i++) {
        if (map->slots[i] > most) {
            PyErr_Format(PyExc_ValueError, "slot %d is not among the %zd objects", (int)map->slots[i], most);
            return -1;
        }
    }
    map->shown = calloc((size_t)values, 1);
    if (!map->shown) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static PyObject *list_shown_values(const Map *map)
{
    PyObject *values = PyList_New(0);
    for (int i = 0; values && map->shown && i < (map->bytes == 1 ? 256 : VALUES); i++) {
        if (!map->shown[i])
            continue;
        PyObject *value = PyLong_FromLong(i);
        if (!value || PyList_Append(values, value) < 0)
            Py_CLEAR(values);
        Py_XDECREF(value);
    }
    return values;
}

static PyObject *list_counts(const int64_t *counts, size_t rows, size_t columns)
{
    PyObject *list = PyList_New((Py_ssize_t)rows);
    for (size_t i = 0; list && i < rows; i++) {
        PyObject *row = PyTuple_New((Py_ssize_t)columns);
        for (size_t j = 0; row && j < columns; j++) {
            PyObject *value = PyLong_FromLongLong(counts[i * columns + j]);
            if (!value || PyTuple_SetItem(row, (Py_ssize_t)j, value) < 0)
                Py_CLEAR(row);
        }
        if (!row || PyList_SetItem(list, (Py_ssize_t)i, row) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* Get the disks of a tuple. buffers: released by the caller as far as `disk_count` says. */
static int get_disks(PyObject *given, Py_buffer *buffers, Disk *disks, size_t *disk_count)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(given); i++) {
        if (PyObject_GetBuffer(PyTuple_GetItem(given, i), &buffers[i], PyBUF_SIMPLE) < 0)
            return -1;
        *disk_count = (size_t)i + 1;
        disks[i] = (Disk){buffers[i].buf, (size_t)buffers[i].len / sizeof(DiskRow)};
        for (size_t j = 0; j < disks[i].count; j++) {
            DiskRow row = disks[i].rows[j];
            int is_shorter = j && row.last - row.first < disks[i].rows[j - 1].last - disks[i].rows[j - 1].first;
            if (row.first > row.last || row.first < -VALUES || row.last > VALUES || is_shorter) {
                PyErr_SetString(PyExc_ValueError, "the rows of a disk are ordered by their lengths, and at least 1 long");
                return -1;
            }
        }
    }
    return 0;
}

static const char compare_text[] =
    "compare(truth, guess, truth_slots, guess_slots, count, disks)\n--\n\n"
    "Compare objects of two label maps, uint8 or uint16[H, W]; guess: None for one without any object.\n\n"
    "truth_slots, guess_slots: uint16[256 or 65536], the number from 1 to `count` of the object that a value stands for,\n"
    "0 for none. disks: a tuple of int32[rows, 3], (y, first x, last x), the shortest row first. Returns the values that\n"
    "occur in either map, and for each object its area in both maps, their intersection, the pixels of both boundaries,\n"
    "and for each disk the pixels of both boundaries that match. Raises ValueError for arrays of another kind.";

#define MOST_DISKS 8

static PyObject *compare(PyObject *module, PyObject *arguments)
{
    PyObject *truth, *guess, *truth_slots, *guess_slots, *given_disks, *result = NULL;
    Py_ssize_t count;
    Py_buffer buffers[4] = {{0}}, disk_buffers[MOST_DISKS];
    Map maps[2] = {{0}};
    Disk disks[MOST_DISKS];
    size_t disk_count = 0;
    int64_t *counts = NULL;
    int failed;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "OOOOnO!", &truth, &guess, &truth_slots, &guess_slots, &count, &PyTuple_Type, &given_disks))
        return NULL;
    if (count < 0 || count >= VALUES || PyTuple_Size(given_disks) > MOST_DISKS) {
        PyErr_SetString(PyExc_ValueError, "too many objects or disks");
        return NULL;
    }
    if (get_disks(given_disks, disk_buffers, disks, &disk_count) < 0 ||
        get_map(truth, truth_slots, count, &buffers[0], &buffers[1], &maps[0]) < 0 ||
        (guess != Py_None && get_map(guess, guess_slots, count, &buffers[2], &buffers[3], &maps[1]) < 0))
        goto end;
    if (guess != Py_None &&
        (buffers[0].shape[0] != buffers[2].shape[0] || buffers[0].shape[1] != buffers[2].shape[1])) {
        PyErr_SetString(PyExc_ValueError, "the label maps differ in size");
        goto end;
    }
    size_t columns = 5 + 2 * disk_count;
    counts = calloc((size_t)count * columns + 1, sizeof *counts);
    if (!counts) {
        PyErr_NoMemory();
        goto end;
    }
    uint32_t height = (uint32_t)buffers[0].shape[0], width = (uint32_t)buffers[0].shape[1];
    Py_BEGIN_ALLOW_THREADS
    failed = compare_objects(&maps[0], &maps[1], height, width, (size_t)count, disks, disk_count, counts);
    Py_END_ALLOW_THREADS
    if (failed) {
        PyErr_NoMemory();
        goto end;
    }
    PyObject *shown = list_shown_values(&maps[0]), *guessed = list_shown_values(&maps[1]);
    PyObject *rows = list_counts(counts, (size_t)count, columns);
    if (shown && guessed && rows)
        result = PyTuple_Pack(3, shown, guessed, rows);
    Py_XDECREF(shown);
    Py_XDECREF(guessed);
    Py_XDECREF(rows);
end:
    free(counts);
    free(maps[0].shown);
    free(maps[1].shown);
    for (int i = 0; i < 4; i++)
        if (buffers[i].obj)
            PyBuffer_Release(&buffers[i]);
    for (size_t i = 0; i < disk_count; i++)
        PyBuffer_Release(&disk_buffers[i]);
    return result;
}

static PyMethodDef methods[] = {{"compare", compare, METH_VARARGS, compare_text}, {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot module_slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "Compare the objects of two label maps.", 0, methods, module_slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
