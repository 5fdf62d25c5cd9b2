"""Tests against real servers, named by environment variables; without one they are skipped aloud.

``FSMOUNT_LIVE_CLOUDREVE`` is the path of a JSON file. Only ``address`` must be in it; a test whose
key is missing is skipped and says so:

``address``         the site, as https://cloud.example.com
``email``           an account to sign in with, and
``password``        its password
``share``           the link of a share of a folder
``share_password``  the link of a share that wants a code, with its code in it
``share_file``      the link of a share of one file
``expired``         the link of a share that has expired
``cancelled``       the link of a share that was cancelled
``sums``            relative path to SHA-256 of files that are in the share and in the drive
``root``            where in the drive those files are (``/folder`` or ``cloudreve://my/folder``);
                    or a local directory that holds the same files
``options``         mount options that the site needs (``ca_file=…``), as after ``-o``

::

    FSMOUNT_LIVE_CLOUDREVE=site.json ./run test tests/live -v

Nothing is written to the server but sign-ins. The downloads of a limited ``share_file`` are spared:
its link is asked once and kept. `test_itself` runs the suite against the emulator.
"""
