CREATE DATABASE IF NOT EXISTS region DEFAULT CHARACTER SET utf8;
CREATE DATABASE IF NOT EXISTS console DEFAULT CHARACTER SET utf8;
CREATE USER IF NOT EXISTS 'rainbond'@'%';
ALTER USER 'rainbond'@'%' IDENTIFIED BY '${secret.db-rainbond}';
GRANT ALL ON region.* TO 'rainbond'@'%';
GRANT ALL ON console.* TO 'rainbond'@'%';
CREATE USER IF NOT EXISTS 'exporter'@'%';
ALTER USER 'exporter'@'%' IDENTIFIED BY '${secret.db-exporter}' WITH MAX_USER_CONNECTIONS 3;
GRANT PROCESS, REPLICATION CLIENT, SELECT ON *.* TO 'exporter'@'%';
