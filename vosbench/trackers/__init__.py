"""The built-in trackers by name, as `"module:object"` strings, so that listing them imports none of them."""

BUILT_IN = {
    "flow": "vosbench.trackers.flow:Flow",
    "sam2": "vosbench.trackers.sam2:Sam2",
    "static": "vosbench.trackers.static:Static",
}
DEFAULT = "sam2"
