"""All scenes of Cloudreve recordings, and what is not replayed.

A scene is a list of steps on a fresh `World`: a name (or `Play`) replays that recording, a function
changes the world first.
"""

from __future__ import annotations

from tests.emulators.replays import cloudreve_changing, cloudreve_reading, cloudreve_sharing

SCENES = cloudreve_reading.SCENES | cloudreve_sharing.SCENES | cloudreve_changing.SCENES

# Why recordings of these names (or beginnings of names) are not replayed.
NOT_EMULATED = {
    "callback_": "storage providers' callbacks: only for policies that upload elsewhere",
    "dav_": "WebDAV accounts: fsmount speaks the API",
    "internal_proxy_": "the server as a proxy in front of S3",
    "list_policy_remote": "a folder on a slave node's policy",
    "list_policy_s3": "a folder on an S3 policy",
    "register": "making accounts",
    "remote_": "uploads to a slave node, remote downloads (reads from one: `constant-etag`)",
    "s3_": "uploads to and reads from S3 by presigned links",
    "workflow_": "tasks of the server",
}
