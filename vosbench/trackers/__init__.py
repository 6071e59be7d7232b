"""The built-in trackers by name, as `"module:object"` strings, so that listing them imports none of them."""

BUILT_IN = {
    "cutie": "vosbench.trackers.cutie:Cutie",
    "flow": "vosbench.trackers.flow:Flow",
    "sam2": "vosbench.trackers.sam2:Sam2",
    "sam2long": "vosbench.trackers.sam2long:Sam2Long",
    "static": "vosbench.trackers.static:Static",
}
DEFAULT = "sam2"
