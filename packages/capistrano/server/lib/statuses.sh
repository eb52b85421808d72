# Exit statuses of all of this family's scripts, each with one meaning. src/ssh/exit-statuses.ts also reads this file.

E_FOLDER=10          # cannot create or write a folder
E_CURRENT=11         # current is not a link
E_NO_RELEASE=12      # a release does not exist
E_WRITE=13           # cannot write a file
E_FENCED=14          # a later deploy has already published
E_BUSY=15            # another process is taking too long
E_LINKED_FILES=16    # shared files are missing
E_LINK=17            # something is in the way of a link
E_COPY=18            # cannot copy a release
E_PROGRAMS=20        # programs are missing
E_FETCH=21           # cannot fetch an object
E_CONTENT=22         # an object differs from what was stored
E_UNPACK=23          # cannot unpack an archive
E_CONFIG_FILES=24    # cannot write config files
E_RELEASE_EXISTS=25  # a release with this name already exists
E_SPACE=26           # not enough disk space
E_REFUSED=27         # storage denies this server an object
E_NO_DOWNLOADER=28   # neither curl nor GNU wget is installed
E_IS_FOLDER=31       # a folder is where a file should be
