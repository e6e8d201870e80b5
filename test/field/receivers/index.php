<?php
usleep(700000);
echo 'ok';
