{{ config(materialized='view') }}
select id as order_id, customer_id, day, status from {{ ref('orders') }}
