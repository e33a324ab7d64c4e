FLASK_APP=flexmeasures.app:create
