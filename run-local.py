"""Serve FlexMeasures on this machine while developing."""

from flexmeasures.app import create

if __name__ == "__main__":
    print("Starting the FlexMeasures Platform ...", flush=True)
    create().run(debug=True)
