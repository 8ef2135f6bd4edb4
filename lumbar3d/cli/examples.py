"""Examples in the help of every command; a test reads each as the command line would."""

from __future__ import annotations

LINES = {
    "demo": ("demo", "demo --port 8100 --exit", "demo --exit --json | jq -r .page"),
    "check": ("check ap.dcm lat.dcm calibration.json", "check ap.dcm lat.dcm calibration.json --json | jq .refusals"),
    "reconstruct": (
        "reconstruct ap.dcm lat.dcm calibration.json --out spine",
        "reconstruct ap.dcm lat.dcm calibration.json --out spine --format vtp --format markups --frame lps",
    ),
    "compare": ("compare before/result.json after/result.json",),
    "report": ("report spine --out spine.pdf", "report 5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11 --format html"),
    "validate": ("validate films ct/sub-01_seg-vert_msk.nii.gz", "validate films ct --mesh-frame ras --json"),
    "serve": ("serve", "serve --port 8100 --data-dir /srv/lumbar3d", "serve --port 0 --json"),
    "worker": ("worker",),
    "doctor": ("doctor", "doctor --no-engine --json"),
    "audit": ("audit --since 2026-01-01 --format csv --out audit.csv", "audit --actor worker --json"),
    "settings": ("settings", "settings --json"),
    "submit": (
        "submit ap.dcm lat.dcm calibration.json",
        'wait "$(lumbar3d submit ap.dcm lat.dcm calibration.json)"',
    ),
    "list": ("list", "list --state rejected --limit 100 --json"),
    "status": ("status 5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11 --json",),
    "wait": ("wait 5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11",),
    "download": (
        "download 5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11 --out spine",
        "download 5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11 --out spine --format stl --frame lps",
    ),
    "cancel": ("cancel 5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11",),
    "erase": ("erase 5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11",),
    "calibrate from-dicom": ("calibrate from-dicom ap.dcm lat.dcm --out calibration.json",),
    "calibrate from-beads": ("calibrate from-beads beads.csv --films ap.dcm lat.dcm --out calibration.json",),
    "key create": ("key create bridge", "key create bridge --role submit --file keys"),
    "key add": ("key add bridge --file keys --role submit",),
    "key list": ("key list --file keys",),
    "key revoke": ("key revoke bridge --file keys", "key revoke bridge --file keys --key 1f3a5c7e"),
    "key rotate": ("key rotate bridge --file keys --overlap-h 24",),
    "key webhook": ("key webhook bridge https://bridge.hospital.example/ended --file webhooks",),
    "key identity": ("key identity",),
    "bridge run": (
        "bridge run --folder bridge --pacs 10.0.0.5:104 --pacs-ae-title PACS --calibration room.json",
        "bridge run --folder bridge --films-web https://pacs.example.org/dicom-web "
        "--results-web https://pacs.example.org/dicom-web",
    ),
    "bridge status": ("bridge status --folder bridge", "bridge status --folder bridge --json"),
    "train coarse": ("train coarse runs/coarse --minutes 600", "train coarse runs/coarse --device cuda --from release"),
    "train refiner": ("train refiner runs/refiner --coarse runs/coarse",),
    "train release": ("train release runs/coarse release",),
    "ssm build": ("ssm build meshes --landmarks landmarks.json --level L3 --out assets",),
    "ssm report": ("ssm report assets --level L3 --meshes assets-work/L3 --out figures",),
    "db current": ("db current",),
    "db upgrade": ("db upgrade --data-dir /srv/lumbar3d",),
    "db backup": ("db backup /backup/2026-11-26",),
}


def of(command: str) -> str:
    """Epilog of a command's help; the first character keeps its lines apart."""
    return "\b\nExamples:\n" + "\n".join(f"  lumbar3d {line}" for line in LINES[command])
