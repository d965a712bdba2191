"""SRC: files and streams, before anyone looks at what they say. YML: the syntax of YAML and JSON."""

from dra_policy.diagnostics.codes.entry import Code

READING_CODES = (
    Code(
        "SRC001",
        "file not found",
        "dra-policy check polices/",
        "dra-policy check policies/",
        "A path that names nothing is a slip of the fingers; going on without the file would check something else.",
    ),
    Code(
        "SRC002",
        "file is not UTF-8",
        "a file saved as Latin-1 or UTF-16",
        "the same file saved as UTF-8",
        "Names and texts are compared byte for byte with what drivers publish; a guessed encoding changes them.",
    ),
    Code(
        "SRC003",
        "file too large",
        "one file of 50 MB",
        "several files, or a folder",
        "A stated limit turns an endless wait into a message. The limits are far above what people write.",
    ),
    Code(
        "SRC004",
        "file cannot be read",
        "a file without read permission",
        "a readable file",
        "The operating system refused; its words are in the message.",
    ),
    Code(
        "SRC005",
        "nothing to read in a folder",
        "a folder without .dra, .yaml, .yml or .json files",
        "the folder that holds the policies or manifests",
        "An empty run that reports success hides a wrong path.",
    ),
)
