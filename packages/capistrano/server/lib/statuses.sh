# Exit statuses of all scripts of this family: no number means two things. src/ssh/exit-statuses.ts reads this file, too.

E_FOLDER=10          # a folder can't be made or written
E_CURRENT=11         # current is not a link
E_NO_RELEASE=12      # a release is not there
E_WRITE=13           # a file can't be written
E_FENCED=14          # a later deploy was here before
E_BUSY=15            # another process has been at it for too long
E_LINKED_FILES=16    # shared files are missing
E_LINK=17            # something is in the way of a link
E_COPY=18            # a release can't be copied
E_PROGRAMS=20        # programs are missing
E_FETCH=21           # an object can't be fetched
E_CONTENT=22         # an object is not what was stored
E_UNPACK=23          # an archive can't be unpacked
E_CONFIG_FILES=24    # config files can't be written
E_RELEASE_EXISTS=25  # a release of this name is there already
E_SPACE=26           # the disk is too small
E_REFUSED=27         # storage refuses an object to this server
E_NO_DOWNLOADER=28   # neither curl nor GNU wget is installed
E_IS_FOLDER=31       # a folder stands where a file should
